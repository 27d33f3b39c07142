/** The options of the local store. */
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import type { OpenDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import type { Report } from '../platform/health.ts';
import type { PlatformTiming } from '../platform/timing.ts';
import type { SchemaChoice } from './schema.ts';
import type { SupersededEdit } from './superseded-edits.ts';

/** Options of a local store. */
export interface LocalStoreOptions extends SchemaChoice {
  /** The id of the user document. */
  readonly id: UserDocumentId;
  /** The name of the database, and the prefix of all storage keys. */
  readonly name: string;
  /** Erases what is stored before any of it is read, to finish an interrupted sign-out. Default: false. */
  readonly eraseOnOpen?: boolean;
  readonly openDatabase: OpenDatabase;
  /** Opens a replacement while `openDatabase` fails or does not respond. Default: none, so that nothing can be stored then. */
  readonly openReplacement?: OpenDatabase | undefined;
  /** Default: DEFAULT_PLATFORM_TIMING. */
  readonly platformTiming?: PlatformTiming;
  /** Reports whether the database can be opened. Default: nothing is reported. */
  readonly reportDatabase?: Report;
  /** Called after the database was erased because of `eraseOnOpen`. */
  readonly onErased?: () => void;
  readonly environment: Pick<Environment, 'now' | 'random' | 'locks' | 'storage'>;
  /** How far the server's clock is ahead of the device's, in milliseconds. Default: it is not known. */
  readonly clockOffset?: () => number | undefined;
  /** Called after a write to the storage outside the database, of which PouchDB does not notify other tabs. */
  readonly onUnsentChange: () => void;
  /** Called when the local database was replaced. The handles of other tabs are dead then. */
  readonly onReplaced: () => void;
  readonly onSuperseded: (edit: SupersededEdit) => void;
}
