/** Validates the options of a store and applies their defaults. */
import {
  documentIdFactory,
  encodeSubject,
  DEFAULT_ID_PREFIX,
  type UserDocumentId,
} from '../couchdb-design/user-document/username.ts';
import { ABSOLUTE_URL, checkDuration, checkOptions } from './check-options.ts';
import { databaseName, openBrowserDatabase, openMemoryDatabase, type OpenDatabase } from './platform/database.ts';
import { defaultEnvironment, type Environment } from './platform/environment.ts';
import { DEFAULT_PLATFORM_TIMING, type PlatformTiming } from './platform/timing.ts';
import { findChoiceProblem, resolveDefaults, type SchemaChoice } from './store/schema.ts';
import { DEFAULT_TIMING } from './sync/sync-loop.ts';
import type { SyncTiming } from './sync/timing.ts';
import type { SchemaOptions, StoreOptions } from './types.ts';

/** The options of a store with all defaults applied. */
export interface ResolvedOptions extends SchemaChoice, Pick<StoreOptions, 'url' | 'getToken' | 'onSignedOut'> {
  /** As in the tokens. Ids and names in the browser's storage contain its encoding. */
  readonly username: string;
  readonly idPrefix: string;
  /** The id of the user document. */
  readonly documentId: UserDocumentId;
  /** The name of the local database, and the prefix of the storage keys. */
  readonly databaseName: string;
  readonly openDatabase: OpenDatabase;
  /** Opens a replacement while `openDatabase` fails or does not respond: a database in memory, if `openDatabase` is the default. */
  readonly openReplacement: OpenDatabase | undefined;
  readonly environment: Environment;
  readonly timing: SyncTiming;
  readonly platformTiming: PlatformTiming;
}

/** Throws a RangeError when the username is invalid, and a TypeError when another option, the schema or the upgrade cannot be used. */
export function resolveOptions(options: StoreOptions & Partial<SchemaOptions<object, object>>): ResolvedOptions {
  checkOptions(options, ABSOLUTE_URL);
  const username = encodeSubject(options.username);
  if (username === undefined) throw new RangeError('username is not a well-formed text of 1 to 255 characters.');
  const { namespace = 'pouchgate', idPrefix = DEFAULT_ID_PREFIX } = options;
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  // The server sends heartbeats at intervals of one second to one minute.
  checkDuration('timing.heartbeat', timing.heartbeat, 1_000, 60_000);
  // Otherwise the connection would be replaced before its next heartbeat.
  checkDuration('timing.silence', timing.silence, timing.heartbeat + 1);
  checkDuration('timing.response', timing.response, 1);
  const problem = findChoiceProblem(options);
  if (problem !== undefined) throw new TypeError(problem);
  // The public type declares fewer methods than a PouchDB has.
  const openDatabase = (options.openDatabase ?? openBrowserDatabase) as OpenDatabase;
  return {
    ...options,
    idPrefix,
    documentId: documentIdFactory(idPrefix)(username),
    databaseName: databaseName(namespace, username),
    openDatabase,
    openReplacement: openDatabase === openBrowserDatabase ? openMemoryDatabase : undefined,
    defaults: resolveDefaults(options),
    environment: { ...defaultEnvironment(), ...options.environment },
    timing,
    platformTiming: DEFAULT_PLATFORM_TIMING,
  };
}
