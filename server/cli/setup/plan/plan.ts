import { ACCOUNTS_SECURITY, SESSIONS_SECURITY } from '../../../upstream/schema/security-objects.ts';
import type { Observed } from '../current-state.ts';
import { planAccount } from './account.ts';
import { planDatabase } from './database.ts';
import { planDesigns } from './design-documents.ts';
import { planTokens } from './jwt-keys.ts';
import type { Plan } from '../steps.ts';
import type { Wanted } from '../desired-state.ts';

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
