/**
 * Random histories of several devices of one user, with the real client library, PouchDB, gate and engine.
 *
 *     DEVICES_HISTORIES=1000 DEVICES_SEED=7 npx jest scripts/e2e/convergence/random-histories.test.ts
 *
 * A failure prints its seed and its history. `DEVICES_SHRINK=1` searches for a shorter history that fails as well.
 */
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import fc from 'fast-check';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { scenarioArbitrary, type Scenario } from './testing/scenario.ts';
import { runScenario, type ScenarioServer } from './testing/run-scenario.ts';

/** The default takes about 60 seconds. */
const SCENARIO_COUNT = Number(process.env['DEVICES_HISTORIES'] ?? 100);
const SEED = Number(process.env['DEVICES_SEED'] ?? Date.now() % 2 ** 31);
const SHRINK = process.env['DEVICES_SHRINK'] === '1';
const CONCURRENCY = 6;

let userCount = 0;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

function createScenarioServer({ registryUrl, token, restart }: TestServer): ScenarioServer {
  const listeners = new Set<() => void>();
  let restarting: Promise<void> | undefined;
  return {
    registryUrl,
    token,
    restart: () => {
      restarting ??= restart().finally(() => {
        restarting = undefined;
        for (const listener of listeners) listener();
      });
      return restarting;
    },
    onRestart: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const createScenarioRunner =
  (scenarioServer: ScenarioServer) =>
  (scenario: Scenario): Promise<void> => {
    userCount += 1;
    return runScenario(scenario, `devices${userCount}`, scenarioServer);
  };

test(
  `after each of ${SCENARIO_COUNT} histories, all devices and the server have the last edit of every preference`,
  async () => {
    const run = createScenarioRunner(createScenarioServer(server));
    const histories = fc.sample(scenarioArbitrary, { seed: SEED, numRuns: SCENARIO_COUNT });
    let next = 0;
    let failed: { readonly index: number; readonly error: unknown } | undefined;
    const work = async (): Promise<void> => {
      for (;;) {
        const index = next;
        const history = histories[index];
        if (history === undefined || failed !== undefined) return;
        next += 1;
        await run(history).catch((error: unknown) => {
          failed ??= { index, error };
        });
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    if (failed === undefined) return;

    console.error(`DEVICES_SEED=${SEED}, history ${failed.index} of ${SCENARIO_COUNT}`);
    const path = String(failed.index);
    if (SHRINK) await fc.assert(fc.asyncProperty(scenarioArbitrary, run), { seed: SEED, path });
    throw failed.error;
  },
  scaleMs(900_000),
);
