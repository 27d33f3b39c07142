import type { SecurityObject } from './design-documents.ts';
import type { DatabaseState, SchemaBlocker, SchemaPlan, SchemaPlanItem } from './schema-plan.ts';
import { describeUnexpectedAccess, isSameSecurity } from './security-objects.ts';

export interface DatabasePlanOptions {
  readonly name: string;
  readonly desiredSecurity: SecurityObject;
  readonly state: DatabaseState;
  /** Whether access rules may stay that admit only some of the desired principals. Default: false. */
  readonly acceptsStricter?: boolean;
}

/** Plans a database and its `_security` object. Sharding is left to the operator. */
export function planDatabase(options: DatabasePlanOptions): SchemaPlan {
  const { name, desiredSecurity, state, acceptsStricter = false } = options;
  const securityItem: SchemaPlanItem = {
    kind: 'step',
    subject: `${name}/_security`,
    isNew: !state.exists,
    step: { kind: 'set-security', database: name, security: desiredSecurity, acceptsStricter },
  };
  if (!state.exists) {
    const createItem: SchemaPlanItem = {
      kind: 'step',
      subject: name,
      isNew: true,
      step: { kind: 'create-database', name },
    };
    return { items: [createItem, securityItem], blockers: [] };
  }
  const unexpected = describeUnexpectedAccess(state.security, desiredSecurity);
  const blockers = findBlockers(name, state, unexpected);
  const found: SchemaPlanItem = { kind: 'found', subject: name, sentence: `the database ${name}` };
  const isCurrent = acceptsStricter ? unexpected.length === 0 : isSameSecurity(state.security, desiredSecurity);
  if (!isCurrent) return { items: [found, securityItem], blockers };
  const foundSecurity: SchemaPlanItem = {
    kind: 'found',
    subject: securityItem.subject,
    sentence: `the access rules of the database ${name}`,
  };
  return { items: [found, foundSecurity], blockers };
}

function findBlockers(
  database: string,
  { partitioned, foreignDocument }: Extract<DatabaseState, { exists: true }>,
  unexpected: readonly string[],
): SchemaBlocker[] {
  const blockers: SchemaBlocker[] = [];
  if (partitioned) blockers.push({ kind: 'partitioned', database });
  if (foreignDocument !== undefined) blockers.push({ kind: 'foreign-document', database, id: foreignDocument });
  // A database that admits everybody was never restricted. One that admits names or roles was configured on purpose.
  const principals = unexpected.filter((principal) => principal !== 'everybody');
  if (principals.length > 0) blockers.push({ kind: 'unexpected-access', database, principals });
  return blockers;
}
