import type { SecurityObject } from '../../../upstream/schema/design-documents.ts';
import { isSameSecurity, strangersIn } from '../../../upstream/schema/security-objects.ts';
import type { DatabaseState } from '../current-state.ts';
import type { Item, Plan } from '../steps.ts';
import type { Allowed } from '../desired-state.ts';

export interface DatabasePlan {
  readonly name: string;
  /** Who may use it. */
  readonly wanted: SecurityObject;
  readonly state: DatabaseState;
  readonly allowed: Allowed;
}

/** A database, and who may use it. How it is sharded is the operator's matter. */
export function planDatabase({ name, wanted, state, allowed }: DatabasePlan): Plan {
  const secure: Item = { kind: 'step', step: { kind: 'set-security', database: name, security: wanted } };
  if (!state.exists) {
    return { items: [{ kind: 'step', step: { kind: 'make-database', name } }, secure], refusals: [] };
  }
  const refusals = whyNot(name, wanted, state, allowed);
  const found: Item = { kind: 'found', sentence: `the database ${name}` };
  if (!isSameSecurity(state.security, wanted)) return { items: [found, secure], refusals };
  return { items: [found, { kind: 'found', sentence: `who may use the database ${name}` }], refusals };
}

function whyNot(
  name: string,
  wanted: SecurityObject,
  { partitioned, security, strangeDocument }: Extract<DatabaseState, { exists: true }>,
  { replace, adopt }: Allowed,
): string[] {
  const refusals: string[] = [];
  if (partitioned) {
    refusals.push(`The database ${name} is partitioned, so it takes no document of ours; give another name.`);
  }
  if (strangeDocument !== undefined && !adopt) {
    refusals.push(
      `The database ${name} holds other data: ${JSON.stringify(strangeDocument)} is no document of Pouchgate's. Give another name in REGISTRY_DB or SESSIONS_DB, or run with --adopt to use this database all the same.`,
    );
  }
  // A database that was open to everybody is one that nobody has closed yet; people who were let in by name or role are
  // somebody's intention.
  const strangers = strangersIn(security, wanted).filter((who) => who !== 'everybody');
  if (strangers.length > 0 && !replace) {
    refusals.push(
      `The database ${name} also lets in ${strangers.join(', ')}. See whether they need it, and run with --replace to shut them out.`,
    );
  }
  return refusals;
}
