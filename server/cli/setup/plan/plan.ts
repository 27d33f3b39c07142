import { planSchema } from '../../../upstream/schema/plan-schema.ts';
import type { CurrentState } from '../current-state.ts';
import type { DesiredState } from '../desired-state.ts';
import type { Plan } from '../steps.ts';
import { planAccounts } from './account.ts';
import { describeBlockers } from './blockers.ts';
import { planDocIdsThreshold } from './doc-ids-threshold.ts';
import { planJwtAuthentication } from './jwt-keys.ts';

/**
 * Plans how a CouchDB reaches the desired state. No step leaves anything open: a database is restricted before it contains
 * anything, and the account is created after the databases that it may use.
 */
export function planSetup(current: CurrentState, desired: DesiredState): Plan {
  const schema = planSchema(current, { ...desired, admitsServiceToUsers: true });
  const parts: Plan[] = [
    { items: schema.items, blockers: describeBlockers(schema.blockers, desired.allowed) },
    planAccounts(current, desired),
    planJwtAuthentication(current, desired),
    planDocIdsThreshold(current),
  ];
  return { items: parts.flatMap(({ items }) => items), blockers: parts.flatMap(({ blockers }) => blockers) };
}

/** Whether the plan changes nothing. */
export const isUpToDate = ({ items }: Plan): boolean => items.every(({ kind }) => kind !== 'step');
