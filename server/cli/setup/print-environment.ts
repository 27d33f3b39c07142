import { DEFAULT_ID_PREFIX } from '../../../couchdb-design/user-document/user-document.ts';
import { DEFAULT_DATABASE_NAMES } from '../../config/schema.ts';
import type { GeneratedSecrets } from './apply/apply.ts';
import type { SetupOptions } from './parse-options.ts';

/** What a gate's environment is to hold, line by line; what only the operator knows is a comment, and no secret is repeated. */
export function formatGateEnvironment(request: SetupOptions, generated: GeneratedSecrets): string[] {
  const { access, service, registry, sessions, idPrefix } = request;
  const unlessDefault = (name: string, value: string, defaultValue: string): string[] =>
    value === defaultValue ? [] : [`${name}=${value}`];
  return [
    `COUCHDB_URL=${access.url}`,
    `COUCHDB_USER=${service.username}`,
    generated.password !== undefined
      ? `COUCHDB_PASSWORD=${generated.password}`
      : service.password !== undefined
        ? '# COUCHDB_PASSWORD= what SERVICE_PASSWORD is'
        : '# COUCHDB_PASSWORD= what was shown when the account was made (--new-password makes another)',
    generated.jwtSecret !== undefined
      ? `COUCHDB_JWT_SECRET=${generated.jwtSecret.toString('base64')}`
      : request.jwtSecret !== undefined
        ? '# COUCHDB_JWT_SECRET= the one that was given'
        : '# COUCHDB_JWT_SECRET= what was shown when the key was made (--new-secret makes another)',
    ...unlessDefault('REGISTRY_DB', registry, DEFAULT_DATABASE_NAMES.registry),
    ...unlessDefault('SESSIONS_DB', sessions, DEFAULT_DATABASE_NAMES.sessions),
    ...unlessDefault('ID_PREFIX', idPrefix, DEFAULT_ID_PREFIX),
    '# JWT_SECRET= a secret that all gates share, such as "openssl rand -base64 48" makes, for the tokens of users',
  ];
}

/** Said below it, when there is something to keep. */
export function describeGeneratedSecrets({ password, jwtSecret }: GeneratedSecrets): string | undefined {
  const names = [
    password === undefined ? [] : ['COUCHDB_PASSWORD'],
    jwtSecret === undefined ? [] : ['COUCHDB_JWT_SECRET'],
  ].flat();
  if (names.length === 0) return undefined;
  return `${names.join(' and ')} ${names.length === 1 ? 'was' : 'were'} made now and cannot be shown again: keep ${names.length === 1 ? 'it' : 'them'}.`;
}
