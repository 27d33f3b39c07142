import { describeSchemaStep, type SchemaStep } from '../../upstream/schema/schema-plan.ts';

/** One change to a CouchDB. */
export type Step =
  | SchemaStep
  /** Without a password one is generated. */
  | { readonly kind: 'create-account'; readonly username: string; readonly password: string | undefined }
  | { readonly kind: 'set-password'; readonly username: string; readonly password: string | undefined }
  | { readonly kind: 'set-roles'; readonly username: string }
  | { readonly kind: 'delete-account'; readonly username: string }
  | { readonly kind: 'set-config'; readonly node: string; readonly setting: Setting; readonly value: string }
  /** Generates a secret, and sets its key on every node. */
  | { readonly kind: 'create-key'; readonly nodes: readonly string[] }
  | { readonly kind: 'delete-config'; readonly node: string; readonly setting: Setting }
  /** A change of the authentication handlers takes effect when CouchDB reopens its port. */
  | { readonly kind: 'restart-listener'; readonly node: string; readonly by: ListenerSetting };

/** The setting of [chttpd] whose change makes a node reopen its port. It depends on the version. */
export type ListenerSetting = 'backlog' | 'server_options';

export interface Setting {
  readonly section: string;
  readonly key: string;
}

/** What a plan reports, in order: what is in place, what only needs mentioning, and what is to be done. */
export type PlanItem =
  | { readonly kind: 'found'; readonly sentence: string }
  | { readonly kind: 'note'; readonly sentence: string }
  | { readonly kind: 'step'; readonly step: Step };

export interface Plan {
  readonly items: readonly PlanItem[];
  /** The reasons why no step may be applied, a sentence each. */
  readonly blockers: readonly string[];
}

/** A step as a verb phrase, to follow "would" or "could not". Contains names, never secrets. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'create-database':
    case 'set-security':
    case 'delete-design':
      return describeSchemaStep(step);
    case 'write-design':
      return `${describeSchemaStep(step)}${step.replacesViews ? ', once its views are built' : ''}`;
    case 'create-account':
      return `create the service account ${step.username}`;
    case 'set-password':
      return `change the password of the service account ${step.username}`;
    case 'set-roles':
      return `reduce the roles of the service account ${step.username} to pouchgate_service`;
    case 'delete-account':
      return `remove the service account ${step.username}`;
    case 'set-config':
      return `set [${step.setting.section}] ${step.setting.key} on ${step.node}`;
    case 'create-key':
      return `create a key for the gate's tokens, and set it on ${step.nodes.join(', ')}`;
    case 'delete-config':
      return `remove [${step.setting.section}] ${step.setting.key} from ${step.node}`;
    case 'restart-listener':
      return `reopen the port of ${step.node} so that it accepts tokens (open connections stay)`;
  }
}
