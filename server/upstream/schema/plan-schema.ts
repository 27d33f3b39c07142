import type { DatabaseDesign } from './design-documents.ts';
import { planDatabase } from './plan-database.ts';
import { planDesignDocuments } from './plan-design-documents.ts';
import type { SchemaPlan, SchemaState } from './schema-plan.ts';
import { ACCOUNTS_SECURITY, SESSIONS_SECURITY } from './security-objects.ts';

export interface DesiredSchema {
  /** The names of the databases. */
  readonly registry: string;
  readonly sessions: string;
  readonly design: DatabaseDesign;
  /**
   * Whether `_users` must admit the service role. If false, `_users` is not changed while it admits no other role:
   * CouchDB closes it by default, and refuses changes to its `_security` unless a setting allows them.
   */
  readonly admitsServiceToUsers: boolean;
}

/**
 * Plans the databases, their access rules and the design documents. Each database is restricted right after it is
 * created, before it contains anything.
 */
export function planSchema(state: SchemaState, desired: DesiredSchema): SchemaPlan {
  const { registry, sessions, design, admitsServiceToUsers } = desired;
  const parts: SchemaPlan[] = [
    planDatabase({
      name: '_users',
      desiredSecurity: ACCOUNTS_SECURITY,
      state: state.users,
      acceptsStricter: !admitsServiceToUsers,
    }),
    planDatabase({ name: sessions, desiredSecurity: SESSIONS_SECURITY, state: state.sessions }),
    planDatabase({ name: registry, desiredSecurity: design.security, state: state.registry }),
    planDesignDocuments(registry, design.designs, state.designs),
  ];
  return { items: parts.flatMap(({ items }) => items), blockers: parts.flatMap(({ blockers }) => blockers) };
}
