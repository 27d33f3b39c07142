/**
 * Random histories of several devices of one user: the real client library on real PouchDBs, the real gate and engine.
 *
 *     DEVICES_HISTORIES=1000 DEVICES_SEED=7 npx jest scripts/e2e/convergence/random-histories.test.ts
 *
 * A failure prints its seed and tells the history. `DEVICES_SHRINK=1` looks for a shorter one that fails too.
 */
import fc from 'fast-check';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { scenarioArbitrary, type Scenario } from './testing/scenario.ts';
import { runScenario, type ScenarioServer } from './testing/run-scenario.ts';

/** They take some one and a half minutes. */
const SCENARIO_COUNT = Number(process.env['DEVICES_HISTORIES'] ?? 300);
const SEED = Number(process.env['DEVICES_SEED'] ?? Date.now() % 2 ** 31);
const SHRINK = process.env['DEVICES_SHRINK'] === '1';
const CONCURRENCY = 6;

let users = 0;

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
  (world: ScenarioServer) =>
  (scenario: Scenario): Promise<void> => {
    users += 1;
    return runScenario(scenario, `devices${users}`, world);
  };

test(`${SCENARIO_COUNT} histories: every device and the server end with the last edit of every preference`, async () => {
  const run = createScenarioRunner(createScenarioServer(server));
  const histories = fc.sample(scenarioArbitrary, { seed: SEED, numRuns: SCENARIO_COUNT });
  let next = 0;
  let failed: { readonly index: number; readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (;;) {
      const index = next;
      const one = histories[index];
      if (one === undefined || failed !== undefined) return;
      next += 1;
      await run(one).catch((error: unknown) => {
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
}, 900_000);
