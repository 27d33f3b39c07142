import type { DatabaseDesign } from '../../upstream/schema/design-documents.ts';

/** What set-up is asked for. */
export interface DesiredState {
  readonly registry: string;
  readonly sessions: string;
  readonly idPrefix: string;
  readonly design: DatabaseDesign;
  readonly service: { readonly username: string; readonly password: string | undefined };
  /** The gate's own key in CouchDB; undefined: none was given. */
  readonly jwtSecret: Buffer | undefined;
  /** Who runs set-up. */
  readonly admin: string;
  readonly allowed: Permissions;
}

/** What an operator has to say before it is done. */
export interface Permissions {
  /** Settings and design documents that are not from here, or were changed. */
  readonly replace: boolean;
  /** A database with documents that are not ours. */
  readonly adopt: boolean;
  readonly newPassword: boolean;
  readonly newSecret: boolean;
  readonly removeOldKeys: boolean;
}
