import type { DesignDocument, SecurityObject } from './design-documents.ts';
import type { StoredDesigns } from './read-design-documents.ts';

/** What a database server holds before anything is changed. The planners decide by these values alone. */
export interface SchemaState {
  readonly users: DatabaseState;
  readonly sessions: DatabaseState;
  readonly registry: DatabaseState;
  /** The registry's design documents, by id. */
  readonly designs: StoredDesigns;
}

export type DatabaseState =
  | { readonly exists: false }
  | {
      readonly exists: true;
      readonly partitioned: boolean;
      readonly security: SecurityObject;
      /** The id of a document that Pouchgate does not write; undefined if there is none, or if none was looked for. */
      readonly foreignDocument: string | undefined;
    };

/** One change to the databases or to what they contain. */
export type SchemaStep =
  | { readonly kind: 'create-database'; readonly name: string }
  | {
      readonly kind: 'set-security';
      readonly database: string;
      readonly security: SecurityObject;
      /** Whether to leave access rules alone that admit only some of these principals, such as CouchDB's default. */
      readonly acceptsStricter: boolean;
    }
  | {
      readonly kind: 'write-design';
      readonly database: string;
      readonly design: DesignDocument;
      /** The revision that it replaces. The write fails with a conflict if another one is stored by then. */
      readonly replacedRevision: string | undefined;
      /** Whether the replaced document has views, which answer queries until the new ones are built. */
      readonly replacesViews: boolean;
    }
  | { readonly kind: 'delete-design'; readonly database: string; readonly id: string };

/** `subject` names a database or a part of it: `user_registry`, `user_registry/_security`, `user_registry/_design/registry`. */
export type SchemaPlanItem =
  | { readonly kind: 'found'; readonly subject: string; readonly sentence: string }
  | {
      readonly kind: 'step';
      readonly subject: string;
      /** Whether the subject does not exist yet. */
      readonly isNew: boolean;
      readonly step: SchemaStep;
    };

/** A state that a step would overwrite, or that it cannot work with. The caller decides which of them stop the plan. */
export type SchemaBlocker =
  | { readonly kind: 'partitioned'; readonly database: string }
  | { readonly kind: 'foreign-document'; readonly database: string; readonly id: string }
  | { readonly kind: 'unexpected-access'; readonly database: string; readonly principals: readonly string[] }
  | { readonly kind: 'other-prefix'; readonly mismatch: string }
  | {
      readonly kind: 'foreign-design';
      readonly database: string;
      readonly id: string;
      readonly comparison: 'changed-by-hand' | 'foreign';
    };

export interface SchemaPlan {
  readonly items: readonly SchemaPlanItem[];
  readonly blockers: readonly SchemaBlocker[];
}

/** A step as a verb phrase, to follow "would" or "could not". Contains names, never secrets. */
export function describeSchemaStep(step: SchemaStep): string {
  switch (step.kind) {
    case 'create-database':
      return `create the database ${step.name}`;
    case 'set-security':
      return `restrict the database ${step.database} to ${listRoles(step.security)}`;
    case 'write-design':
      return `write ${step.design._id} in ${step.database}`;
    case 'delete-design':
      return `delete ${step.id} from ${step.database}, left over from an unfinished set-up`;
  }
}

const listRoles = ({ admins, members }: SecurityObject): string =>
  [...new Set([...admins.roles, ...members.roles])].join(', ');
