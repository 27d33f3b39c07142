/**
 * Starts the slowest test files first, also on a machine where none has run before. A slow file that starts last runs alone
 * for minutes. Plain JavaScript, because Jest loads it before it compiles anything.
 */
import sequencer from '@jest/test-sequencer';

const Sequencer = sequencer.default ?? sequencer;

const SLOWEST_FILES = [
  'scripts/e2e/convergence/random-histories.test.ts',
  'scripts/e2e/histories/histories.test.ts',
  'scripts/e2e/convergence/simultaneous-edits.test.ts',
  'scripts/e2e/values/values.test.ts',
  'scripts/e2e/setup/setup.test.ts',
  'scripts/e2e/resilience/doc-ids-threshold.test.ts',
  'server/cli/attack/planted-holes.test.ts',
  'scripts/e2e/users/database-failures.test.ts',
  'scripts/e2e/client/interruptions.test.ts',
  'scripts/e2e/client/wrong-clocks.test.ts',
  'scripts/e2e/resilience/restored-backup.test.ts',
  'scripts/e2e/client/faulty-network.test.ts',
  'scripts/e2e/client/platform-faults.test.ts',
  'scripts/e2e/resilience/bad-responses.test.ts',
  'scripts/e2e/client/buffering-proxy.test.ts',
  'scripts/e2e/resilience/killed-server.test.ts',
  'scripts/e2e/resilience/broken-connection.test.ts',
  'scripts/e2e/conformance/pouchdb-short-histories.test.ts',
  'scripts/e2e/client/reasons.test.ts',
  'scripts/e2e/resilience/slow-database.test.ts',
  'scripts/e2e/resilience/hung-feed.test.ts',
  'scripts/e2e/security/fuzz.test.ts',
  'scripts/e2e/resilience/restored-database.test.ts',
  'scripts/e2e/resilience/killed-database.test.ts',
  'scripts/e2e/frameworks/mounting.test.ts',
  'scripts/e2e/operations/workers.test.ts',
  'scripts/e2e/operations/workers-as-one-server.test.ts',
  'server/cli/attack/command.test.ts',
  'server/gate/writes/tree-costs.test.ts',
  'server/observability/metrics.test.ts',
];

export default class SlowestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const index = SLOWEST_FILES.findIndex((name) => path.endsWith(`/${name}`));
      return index < 0 ? SLOWEST_FILES.length : index;
    };
    return super.sort(tests).toSorted((a, b) => rank(a) - rank(b));
  }
}
