/**
 * Random histories of several devices of one user: the real client library on real PouchDBs, the real gate and engine.
 *
 *     DEVICES_HISTORIES=1000 DEVICES_SEED=7 npx jest scripts/e2e/convergence/random-histories.test.ts
 *
 * A failure prints its seed and tells the history. `DEVICES_SHRINK=1` looks for a shorter one that fails too.
 */
import fc from 'fast-check';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { history, type History } from './testing/scenario.ts';
import { runHistory, type World } from './testing/run-scenario.ts';

/** They take some one and a half minutes. */
const HISTORIES = Number(process.env['DEVICES_HISTORIES'] ?? 300);
const SEED = Number(process.env['DEVICES_SEED'] ?? Date.now() % 2 ** 31);
const SHRINK = process.env['DEVICES_SHRINK'] === '1';
const AT_ONCE = 6;

let users = 0;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

function createWorld({ registry, token, restart }: TestServer): World {
  const listeners = new Set<() => void>();
  let restarting: Promise<void> | undefined;
  return {
    registry,
    token,
    restart: () => {
      restarting ??= restart().finally(() => {
        restarting = undefined;
        for (const listener of listeners) listener();
      });
      return restarting;
    },
    onRestarted: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const runIn =
  (world: World) =>
  (one: History): Promise<void> => {
    users += 1;
    return runHistory(one, `devices${users}`, world);
  };

test(`${HISTORIES} histories: every device and the server end with the last edit of every preference`, async () => {
  const run = runIn(createWorld(server));
  const histories = fc.sample(history, { seed: SEED, numRuns: HISTORIES });
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
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failed === undefined) return;

  console.error(`DEVICES_SEED=${SEED}, history ${failed.index} of ${HISTORIES}`);
  const path = String(failed.index);
  if (SHRINK) await fc.assert(fc.asyncProperty(history, run), { seed: SEED, path });
  throw failed.error;
}, 900_000);
