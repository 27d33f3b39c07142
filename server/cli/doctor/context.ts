import type { Config } from '../../config/config.ts';
import type { ServerInfo } from '../server-info.ts';
import type { DocumentRules } from '../documents/document-rules.ts';
import type { Upstream } from '../../upstream/client.ts';
import type { DatabaseDesign } from '../../upstream/schema/design-documents.ts';

/** What the checks use. */
export interface DoctorContext {
  readonly config: Config;
  /** With the gates' credentials. */
  readonly upstream: Upstream;
  /** With a server admin's credentials; undefined if there are none. */
  readonly admin: Upstream | undefined;
  readonly serverInfo: ServerInfo;
  readonly design: DatabaseDesign;
  /** How users' documents are read and checked. */
  readonly rules: DocumentRules;
  /** The gate's own key in CouchDB; undefined if none is configured. */
  readonly jwtSecret: Buffer | undefined;
  /** How many files this process may open. */
  readonly openFiles: number;
}

export const ADMIN_REQUIRED =
  'requires a server admin: set COUCHDB_ADMIN_USER and COUCHDB_ADMIN_PASSWORD for the doctor';
