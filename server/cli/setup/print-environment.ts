import { USUAL_ID_PREFIX } from '../../../couchdb-design/user-document/user-document.ts';
import { USUAL_NAMES } from '../../config/schema.ts';
import type { Made } from './apply/apply.ts';
import type { SetUpRequest } from './parse-options.ts';

/** What a gate's environment is to hold, line by line; what only the operator knows is a comment, and no secret is repeated. */
export function gateEnvironment(request: SetUpRequest, made: Made): string[] {
  const { access, service, registry, sessions, idPrefix } = request;
  const other = (name: string, value: string, usual: string): string[] => (value === usual ? [] : [`${name}=${value}`]);
  return [
    `COUCHDB_URL=${access.url}`,
    `COUCHDB_USER=${service.username}`,
    made.password !== undefined
      ? `COUCHDB_PASSWORD=${made.password}`
      : service.password !== undefined
        ? '# COUCHDB_PASSWORD= what SERVICE_PASSWORD is'
        : '# COUCHDB_PASSWORD= what was shown when the account was made (--new-password makes another)',
    made.jwtSecret !== undefined
      ? `COUCHDB_JWT_SECRET=${made.jwtSecret.toString('base64')}`
      : request.jwtSecret !== undefined
        ? '# COUCHDB_JWT_SECRET= the one that was given'
        : '# COUCHDB_JWT_SECRET= what was shown when the key was made (--new-secret makes another)',
    ...other('REGISTRY_DB', registry, USUAL_NAMES.registry),
    ...other('SESSIONS_DB', sessions, USUAL_NAMES.sessions),
    ...other('ID_PREFIX', idPrefix, USUAL_ID_PREFIX),
    '# JWT_SECRET= a secret that all gates share, such as "openssl rand -base64 48" makes, for the tokens of users',
  ];
}

/** Said below it, when there is something to keep. */
export function shownOnce({ password, jwtSecret }: Made): string | undefined {
  const names = [
    password === undefined ? [] : ['COUCHDB_PASSWORD'],
    jwtSecret === undefined ? [] : ['COUCHDB_JWT_SECRET'],
  ].flat();
  if (names.length === 0) return undefined;
  return `${names.join(' and ')} ${names.length === 1 ? 'was' : 'were'} made now and cannot be shown again: keep ${names.length === 1 ? 'it' : 'them'}.`;
}
