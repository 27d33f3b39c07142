/**
 * The longest tests first, also where none has run before: one that begins last has the machine to itself for minutes. Plain
 * JavaScript, since Jest loads it before it compiles anything.
 */
import sequencer from '@jest/test-sequencer';

const Sequencer = sequencer.default ?? sequencer;

const LONGEST = [
  'scripts/e2e/convergence/random-histories.test.ts',
  'scripts/e2e/setup/setup.test.ts',
  'scripts/e2e/resilience/restored-backup.test.ts',
  'scripts/e2e/client/faulty-network.test.ts',
  'scripts/e2e/resilience/killed-server.test.ts',
  'scripts/e2e/resilience/slow-database.test.ts',
  'scripts/e2e/users/database-failures.test.ts',
  'scripts/e2e/resilience/bad-responses.test.ts',
  'scripts/e2e/client/interruptions.test.ts',
  'scripts/e2e/security/fuzz.test.ts',
  'scripts/e2e/resilience/restored-database.test.ts',
];

export default class LongestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const at = LONGEST.findIndex((name) => path.endsWith(`/${name}`));
      return at < 0 ? LONGEST.length : at;
    };
    return super.sort(tests).toSorted((a, b) => place(a) - place(b));
  }
}
