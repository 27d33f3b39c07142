import type { DatabaseDesign } from '../../upstream/schema/design-documents.ts';

/** The state that set-up is to reach. */
export interface DesiredState {
  readonly registry: string;
  readonly sessions: string;
  readonly idPrefix: string;
  readonly design: DatabaseDesign;
  readonly service: { readonly username: string; readonly password: string | undefined };
  /** The gate's own key in CouchDB; undefined if none was given. */
  readonly jwtSecret: Buffer | undefined;
  /** A former service account to remove; undefined if there is none. */
  readonly accountToRemove: string | undefined;
  /** The server admin that runs set-up. */
  readonly admin: string;
  readonly allowed: Permissions;
}

/** Changes that are made only if the operator allows them. */
export interface Permissions {
  /** Overwrite access rules and design documents that were changed, or that Pouchgate did not write. */
  readonly replace: boolean;
  /** Use a database that contains other documents. */
  readonly adopt: boolean;
  readonly newPassword: boolean;
  readonly newSecret: boolean;
  readonly removeOldKeys: boolean;
}
