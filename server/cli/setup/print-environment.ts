import { DEFAULT_ID_PREFIX } from '../../../couchdb-design/user-document/user-document.ts';
import { DEFAULT_DATABASE_NAMES } from '../../config/schema.ts';
import type { GeneratedSecrets } from './apply/apply.ts';
import type { SetupOptions } from './parse-options.ts';

/**
 * A gate's environment, line by line. Values that are unknown to set-up are comments. Given secrets are not repeated.
 *
 * @param docIdsThreshold - The threshold of CouchDB, if the gates have to know it.
 */
export function formatGateEnvironment(
  request: SetupOptions,
  generated: GeneratedSecrets,
  docIdsThreshold: number | undefined,
): string[] {
  const { access, service, registry, sessions, idPrefix } = request;
  const unlessDefault = (name: string, value: string, defaultValue: string): string[] =>
    value === defaultValue ? [] : [`${name}=${value}`];
  return [
    `COUCHDB_URL=${access.url}`,
    `COUCHDB_USER=${service.username}`,
    generated.password !== undefined
      ? `COUCHDB_PASSWORD=${generated.password}`
      : service.password !== undefined
        ? '# COUCHDB_PASSWORD= the value of SERVICE_PASSWORD'
        : '# COUCHDB_PASSWORD= as shown when the account was created (--new-password generates another)',
    generated.jwtSecret !== undefined
      ? `COUCHDB_JWT_SECRET=${generated.jwtSecret.toString('base64')}`
      : request.jwtSecret !== undefined
        ? '# COUCHDB_JWT_SECRET= the given value'
        : '# COUCHDB_JWT_SECRET= as shown when the key was created (--new-secret generates another)',
    ...(docIdsThreshold === undefined || docIdsThreshold < 1 ? [] : [`COUCHDB_DOC_IDS_THRESHOLD=${docIdsThreshold}`]),
    ...unlessDefault('REGISTRY_DB', registry, DEFAULT_DATABASE_NAMES.registry),
    ...unlessDefault('SESSIONS_DB', sessions, DEFAULT_DATABASE_NAMES.sessions),
    ...unlessDefault('ID_PREFIX', idPrefix, DEFAULT_ID_PREFIX),
    '# JWT_SECRET= a secret for users\' tokens, the same for all gates, such as "openssl rand -base64 48" generates',
  ];
}

/** A reminder to save the generated secrets; undefined if there are none. */
export function describeGeneratedSecrets({ password, jwtSecret }: GeneratedSecrets): string | undefined {
  const names = [
    password === undefined ? [] : ['COUCHDB_PASSWORD'],
    jwtSecret === undefined ? [] : ['COUCHDB_JWT_SECRET'],
  ].flat();
  if (names.length === 0) return undefined;
  const [verb, pronoun] = names.length === 1 ? ['was', 'it'] : ['were', 'them'];
  return `${names.join(' and ')} ${verb} generated and cannot be shown again. Save ${pronoun}.`;
}
