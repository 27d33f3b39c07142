import type { Config } from '../../config/config.ts';
import type { ServerInfo } from '../server-info.ts';
import type { Upstream } from '../../upstream/client.ts';
import type { DatabaseDesign } from '../../upstream/schema/design-documents.ts';

/** What the doctor looks at. */
export interface DoctorContext {
  readonly config: Config;
  /** As the gate sees its database. */
  readonly upstream: Upstream;
  /** As a server admin sees it; undefined: there are no such credentials. */
  readonly admin: Upstream | undefined;
  readonly serverInfo: ServerInfo;
  readonly design: DatabaseDesign;
  /** The gate's own key in CouchDB; undefined: it has none. */
  readonly jwtSecret: Buffer | undefined;
  /** How many files this process may open. */
  readonly openFiles: number;
}

export const ADMIN_REQUIRED =
  'this takes a server admin: give COUCHDB_ADMIN_USER and COUCHDB_ADMIN_PASSWORD, for the doctor alone';
