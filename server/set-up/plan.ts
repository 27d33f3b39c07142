import { ACCOUNTS_SECURITY, SESSIONS_SECURITY } from '../upstream/security.ts';
import type { Observed } from './observed.ts';
import { planAccount } from './plan-account.ts';
import { planDatabase } from './plan-database.ts';
import { planDesigns } from './plan-designs.ts';
import { planTokens } from './plan-tokens.ts';
import type { Plan } from './steps.ts';
import type { Wanted } from './wanted.ts';

/**
 * What is to be done so that a CouchDB is as wanted, in an order that leaves nothing open on its way: a database is closed
 * before there is anything in it, and the account comes after what it may use.
 */
export function planSetUp(observed: Observed, wanted: Wanted): Plan {
  const { registry, sessions, design, allowed } = wanted;
  const parts: Plan[] = [
    planDatabase({ name: '_users', wanted: ACCOUNTS_SECURITY, state: observed.users, allowed }),
    planDatabase({ name: sessions, wanted: SESSIONS_SECURITY, state: observed.sessions, allowed }),
    planDatabase({ name: registry, wanted: design.security, state: observed.registry, allowed }),
    planDesigns(observed, wanted),
    planAccount(observed, wanted),
    planTokens(observed, wanted),
  ];
  return { items: parts.flatMap(({ items }) => items), refusals: parts.flatMap(({ refusals }) => refusals) };
}

/** Whether there is nothing to do. */
export const isDone = ({ items }: Plan): boolean => items.every(({ kind }) => kind !== 'step');
