import type { SchemaState } from '../../upstream/schema/schema-plan.ts';

/** The state of a CouchDB before set-up changes anything. The planners decide by these values alone. */
export interface CurrentState extends SchemaState {
  readonly version: string;
  readonly nodes: readonly NodeState[];
  readonly account: AccountState;
  /** The former service account that is to be removed; undefined if none is. */
  readonly accountToRemove: AccountState | undefined;
  /** Whether the node that responds uses the JWT handler. Its setting takes effect only when the port is reopened. */
  readonly isJwtHandlerActive: boolean;
}

/** A node of the cluster, with the settings that set-up uses; undefined if not set. */
export type NodeState =
  | { readonly name: string; readonly up: false }
  | {
      readonly name: string;
      readonly up: true;
      readonly handlers: string | undefined;
      readonly requiredClaims: string | undefined;
      readonly keys: Readonly<Record<string, string>>;
      /** The setting `changes_doc_ids_optimization_threshold`. */
      readonly docIdsThreshold: string | undefined;
    };

/** The service account. `password` is the result of a sign-in with `SERVICE_PASSWORD`. */
export type AccountState =
  | { readonly exists: false }
  | {
      readonly exists: true;
      readonly roles: readonly string[];
      readonly password: 'good' | 'wrong' | 'not-tried';
    };
