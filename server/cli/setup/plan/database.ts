import type { SecurityObject } from '../../../upstream/schema/design-documents.ts';
import { isSameSecurity, describeUnexpectedAccess } from '../../../upstream/schema/security-objects.ts';
import type { DatabaseState } from '../current-state.ts';
import type { PlanItem, Plan } from '../steps.ts';
import type { Permissions } from '../desired-state.ts';

export interface DatabasePlanOptions {
  readonly name: string;
  /** Who may use it. */
  readonly desiredSecurity: SecurityObject;
  readonly state: DatabaseState;
  readonly allowed: Permissions;
}

/** A database, and who may use it. How it is sharded is the operator's matter. */
export function planDatabase({ name, desiredSecurity, state, allowed }: DatabasePlanOptions): Plan {
  const securityItem: PlanItem = {
    kind: 'step',
    step: { kind: 'set-security', database: name, security: desiredSecurity },
  };
  if (!state.exists) {
    return { items: [{ kind: 'step', step: { kind: 'make-database', name } }, securityItem], blockers: [] };
  }
  const blockers = findBlockers(name, desiredSecurity, state, allowed);
  const found: PlanItem = { kind: 'found', sentence: `the database ${name}` };
  if (!isSameSecurity(state.security, desiredSecurity)) return { items: [found, securityItem], blockers };
  return { items: [found, { kind: 'found', sentence: `who may use the database ${name}` }], blockers };
}

function findBlockers(
  name: string,
  desiredSecurity: SecurityObject,
  { partitioned, security, foreignDocument }: Extract<DatabaseState, { exists: true }>,
  { replace, adopt }: Permissions,
): string[] {
  const blockers: string[] = [];
  if (partitioned) {
    blockers.push(`The database ${name} is partitioned, so it takes no document of ours; give another name.`);
  }
  if (foreignDocument !== undefined && !adopt) {
    blockers.push(
      `The database ${name} holds other data: ${JSON.stringify(foreignDocument)} is no document of Pouchgate's. Give another name in REGISTRY_DB or SESSIONS_DB, or run with --adopt to use this database all the same.`,
    );
  }
  // A database that was open to everybody is one that nobody has closed yet; people who were let in by name or role are
  // somebody's intention.
  const strangers = describeUnexpectedAccess(security, desiredSecurity).filter((who) => who !== 'everybody');
  if (strangers.length > 0 && !replace) {
    blockers.push(
      `The database ${name} also lets in ${strangers.join(', ')}. See whether they need it, and run with --replace to shut them out.`,
    );
  }
  return blockers;
}
