import { join } from 'node:path';
import { openUpstream, type Upstream, type UpstreamAccess } from '../upstream/client.ts';
import type { UpstreamClockOptions } from '../upstream/clock/upstream-clock.ts';
import { startEngineProcess } from '../upstream/embedded/engine-process.ts';
import { prepareDatabase, type PrepareDatabaseOptions } from '../upstream/schema/prepare-database.ts';
import type { PouchgateOptions } from './mounted-pouchgate.ts';

/** The database of a mounted gate: a CouchDB, or the embedded engine that the gate has started. */
export interface MountedUpstream {
  readonly access: UpstreamAccess;
  readonly jwtSecret: Buffer | undefined;
  readonly docIdsThreshold?: number | undefined;
  /** Stops the embedded engine. */
  readonly close: () => Promise<void>;
}

/** Where the embedded engine stores its data by default, as for the standalone server. */
export const DEFAULT_DATA_DIRECTORY = './data';

/**
 * Resolves the option `couchdb`: starts the embedded engine for `{ dataDirectory }`, and without the option in development.
 *
 * @param couchdb - The option.
 * @param env - The environment, for `NODE_ENV`.
 * @param onFailure - Called with a sentence for the log when the embedded engine has exited unexpectedly.
 * @returns The access to the database, and the function that stops the embedded engine.
 * @throws A `TypeError` if the option is missing in production.
 */
export async function resolveMountedUpstream(
  couchdb: PouchgateOptions['couchdb'],
  env: Readonly<Record<string, string | undefined>>,
  onFailure: (sentence: string) => void,
): Promise<MountedUpstream> {
  if (couchdb !== undefined && !('dataDirectory' in couchdb)) {
    const jwtSecret = couchdb.jwtSecret === undefined ? undefined : Buffer.from(couchdb.jwtSecret, 'base64');
    const { docIdsThreshold } = couchdb;
    return { access: couchdb, jwtSecret, docIdsThreshold, close: () => Promise.resolve() };
  }
  if (couchdb === undefined && env['NODE_ENV'] === 'production') {
    throw new TypeError(
      'couchdb is missing: with NODE_ENV=production it must be { url, username, password } of a CouchDB 3. To use the embedded engine in production as well, set couchdb to { dataDirectory }.',
    );
  }
  const directory = couchdb?.dataDirectory ?? DEFAULT_DATA_DIRECTORY;
  return await startEngineProcess({ directory: join(directory, 'couch'), onFailure });
}

/**
 * Opens the connections to the database of a mounted gate, and sets up or verifies what it contains.
 *
 * @param couchdb - The database. It is closed if it cannot be used.
 * @param names - The names of the databases, and the prefix of document ids.
 * @param listeners - `onWarning` is called with a sentence for the log, `onEstimate` with each estimate of CouchDB's clock.
 * @returns The connections.
 */
export async function openMountedUpstream(
  couchdb: MountedUpstream,
  names: Pick<PrepareDatabaseOptions, 'registry' | 'sessions' | 'idPrefix'>,
  { onWarning, onEstimate }: Pick<PrepareDatabaseOptions, 'onWarning'> & Pick<UpstreamClockOptions, 'onEstimate'>,
): Promise<Upstream> {
  const upstream = openUpstream(couchdb.access, { clock: { onEstimate } });
  try {
    await prepareDatabase({ ...names, upstream, jwtSecret: couchdb.jwtSecret, onWarning });
    return upstream;
  } catch (error) {
    await upstream.close();
    await couchdb.close();
    throw error;
  }
}
