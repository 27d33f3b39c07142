import type { StoredDesigns } from '../../upstream/schema/read-design-documents.ts';
import type { SecurityObject } from '../../upstream/schema/design-documents.ts';

/** What set-up found on a CouchDB, before it changes anything. Values only: `plan.ts` decides by them alone. */
export interface CurrentState {
  readonly version: string;
  readonly nodes: readonly NodeState[];
  readonly registry: DatabaseState;
  readonly sessions: DatabaseState;
  readonly users: DatabaseState;
  /** The registry's design documents, by id. */
  readonly designs: StoredDesigns;
  readonly account: AccountState;
  /** Whether the JWT handler is at work where we ask; a setting alone does nothing before CouchDB listens anew. */
  readonly isJwtHandlerActive: boolean;
}

/** A node of the cluster, and those of its settings that concern us; undefined: not set. */
export type NodeState =
  | { readonly name: string; readonly up: false }
  | {
      readonly name: string;
      readonly up: true;
      readonly handlers: string | undefined;
      readonly requiredClaims: string | undefined;
      readonly keys: Readonly<Record<string, string>>;
    };

export type DatabaseState =
  | { readonly exists: false }
  | {
      readonly exists: true;
      readonly partitioned: boolean;
      readonly security: SecurityObject;
      /** A document that is none of ours; undefined when there is none. */
      readonly foreignDocument: string | undefined;
    };

/** The service account; `password` is told when there is one to be tried. */
export type AccountState =
  | { readonly exists: false }
  | {
      readonly exists: true;
      readonly roles: readonly string[];
      readonly password: 'good' | 'wrong' | 'not-tried';
    };
