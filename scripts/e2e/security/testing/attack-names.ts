import type { AttackNames } from '../../../../server/cli/attack/generate/names.ts';
import type { TestNames } from '../../../../server/testing/test-database.ts';

/** The names of attacks of alice on bob, at a server with these databases. */
export const attackNames = ({ registry, sessions }: Pick<TestNames, 'registry' | 'sessions'>): AttackNames => ({
  base: '/sync',
  database: registry,
  sessions,
  own: { id: 'user_alice', username: 'alice' },
  other: { id: 'user_bob', username: 'bob' },
});

/** The names in titles of tests. They do not depend on the random names of a test's databases. */
export const TITLE_NAMES = attackNames({ registry: 'user_registry', sessions: 'pouchgate_sessions' });
