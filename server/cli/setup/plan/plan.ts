import { ACCOUNTS_SECURITY, SESSIONS_SECURITY } from '../../../upstream/schema/security-objects.ts';
import type { CurrentState } from '../current-state.ts';
import { planAccount } from './account.ts';
import { planDatabase } from './database.ts';
import { planDesignDocuments } from './design-documents.ts';
import { planJwtAuthentication } from './jwt-keys.ts';
import type { Plan } from '../steps.ts';
import type { DesiredState } from '../desired-state.ts';

/**
 * What is to be done so that a CouchDB is as wanted, in an order that leaves nothing open on its way: a database is closed
 * before there is anything in it, and the account comes after what it may use.
 */
export function planSetup(current: CurrentState, desired: DesiredState): Plan {
  const { registry, sessions, design, allowed } = desired;
  const parts: Plan[] = [
    planDatabase({ name: '_users', desiredSecurity: ACCOUNTS_SECURITY, state: current.users, allowed }),
    planDatabase({ name: sessions, desiredSecurity: SESSIONS_SECURITY, state: current.sessions, allowed }),
    planDatabase({ name: registry, desiredSecurity: design.security, state: current.registry, allowed }),
    planDesignDocuments(current, desired),
    planAccount(current, desired),
    planJwtAuthentication(current, desired),
  ];
  return { items: parts.flatMap(({ items }) => items), blockers: parts.flatMap(({ blockers }) => blockers) };
}

/** Whether there is nothing to do. */
export const isUpToDate = ({ items }: Plan): boolean => items.every(({ kind }) => kind !== 'step');
