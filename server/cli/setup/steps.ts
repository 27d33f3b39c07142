import type { DesignDocument, SecurityObject } from '../../upstream/schema/design-documents.ts';

/** One change to a CouchDB. */
export type Step =
  | { readonly kind: 'make-database'; readonly name: string }
  | { readonly kind: 'set-security'; readonly database: string; readonly security: SecurityObject }
  /** `warm`: its views are built under another name first, since there are others that answer meanwhile. */
  | {
      readonly kind: 'write-design';
      readonly database: string;
      readonly design: DesignDocument;
      readonly buildViewsFirst: boolean;
    }
  | { readonly kind: 'remove-design'; readonly database: string; readonly id: string }
  /** No password: one is made. */
  | { readonly kind: 'make-account'; readonly username: string; readonly password: string | undefined }
  | { readonly kind: 'set-password'; readonly username: string; readonly password: string | undefined }
  | { readonly kind: 'set-roles'; readonly username: string }
  | { readonly kind: 'set'; readonly node: string; readonly setting: Setting; readonly value: string }
  /** No secret was given: one is made, and its key is set at every node. */
  | { readonly kind: 'make-key'; readonly nodes: readonly string[] }
  | { readonly kind: 'unset'; readonly node: string; readonly setting: Setting }
  /** What changes the ways to sign in holds from the moment at which CouchDB opens its port anew. */
  | { readonly kind: 'listen-anew'; readonly node: string };

export interface Setting {
  readonly section: string;
  readonly key: string;
}

/** What a plan has to say, in order: what is found done, what is to be done, and what is only told. */
export type PlanItem =
  | { readonly kind: 'found'; readonly sentence: string }
  | { readonly kind: 'note'; readonly sentence: string }
  | { readonly kind: 'step'; readonly step: Step };

export interface Plan {
  readonly items: readonly PlanItem[];
  /** Why nothing of it may be done, a sentence each; none: it may. */
  readonly blockers: readonly string[];
}

/** A step in words, to go after "will" or "have to": the names of things, and no secret. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'make-database':
      return `make the database ${step.name}`;
    case 'set-security':
      return `let only ${listRoles(step.security)} use the database ${step.database}`;
    case 'write-design':
      return `write ${step.design._id} in ${step.database}${step.buildViewsFirst ? ', once its views are built' : ''}`;
    case 'remove-design':
      return `remove ${step.id} from ${step.database}, which an unfinished set-up has left`;
    case 'make-account':
      return `make the service account ${step.username}`;
    case 'set-password':
      return `give the service account ${step.username} another password`;
    case 'set-roles':
      return `give the service account ${step.username} its one role, pouchgate_service`;
    case 'set':
      return `set [${step.setting.section}] ${step.setting.key} on ${step.node}`;
    case 'make-key':
      return `make a key for the gate's tokens, and set it on ${step.nodes.join(', ')}`;
    case 'unset':
      return `remove [${step.setting.section}] ${step.setting.key} from ${step.node}`;
    case 'listen-anew':
      return `have ${step.node} open its port anew, so that it takes tokens (connections stay)`;
  }
}

const listRoles = ({ admins, members }: SecurityObject): string =>
  [...new Set([...admins.roles, ...members.roles])].join(', ');
