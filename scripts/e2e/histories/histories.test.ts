/**
 * Random histories of one user's document: pages and plain PouchDBs with wrong clocks, REST, the bot, the users command and
 * the application, with the built-in schema and two versions of an application's schema at once.
 *
 *     HISTORIES=500 HISTORIES_SEED=7 npx jest scripts/e2e/histories
 *
 * A failure prints its seed, its index and its history. `HISTORIES_FROM` begins at an index, and `HISTORIES_SHRINK=1` searches for
 * a shorter history that fails as well.
 */
import fc from 'fast-check';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { startDeployment, type Deployment } from './testing/deployment.ts';
import { historyArbitrary, type History } from './testing/history.ts';
import { runHistory } from './testing/run-history.ts';
import { Shadow } from './testing/shadow.ts';

const COUNT = Number(process.env['HISTORIES'] ?? 20);
const SEED = Number(process.env['HISTORIES_SEED'] ?? Date.now() % 2 ** 31);
const FROM = Number(process.env['HISTORIES_FROM'] ?? 0);
const SHRINK = process.env['HISTORIES_SHRINK'] === '1';
const IS_COUNTED = process.env['HISTORIES'] !== undefined;
const CONCURRENCY = 4;

let deployment: Deployment;
let shadows: readonly Shadow[];
beforeAll(async () => {
  deployment = await startDeployment();
  const names = Array.from({ length: CONCURRENCY }, (_, index) => deployment.accountName(`shadow${index}`));
  shadows = await Promise.all(names.map((name) => Shadow.create(deployment, name)));
});
afterAll(() => deployment.close());

let users = 0;
const runWith =
  (shadow: Shadow) =>
  (history: History): Promise<void> =>
    runHistory(history, { deployment, shadow, username: deployment.accountName(`person${(users += 1)}`) });

test(
  `in ${COUNT} histories every interface can always read and edit the document, and no acknowledged edit is lost`,
  async () => {
    const histories = fc.sample(historyArbitrary, { seed: SEED, numRuns: COUNT });
    let next = FROM;
    let failed: { readonly index: number; readonly error: unknown } | undefined;
    const work = async (shadow: Shadow): Promise<void> => {
      const run = runWith(shadow);
      for (;;) {
        const index = next;
        const history = histories[index];
        if (history === undefined || failed !== undefined) return;
        next += 1;
        if (IS_COUNTED && next % 50 === 0) process.stdout.write(`${next} of ${COUNT} histories, seed ${SEED}\n`);
        await run(history).catch((error: unknown) => {
          failed ??= { index, error };
        });
      }
    };
    await Promise.all(shadows.map(work));
    if (failed === undefined) {
      if (IS_COUNTED) console.log(`${COUNT - FROM} histories without a violation, seed ${SEED}`);
      return;
    }
    console.error(`HISTORIES_SEED=${SEED}, history ${failed.index} of ${COUNT}`);
    const [shadow] = shadows;
    if (SHRINK && shadow !== undefined)
      await fc.assert(fc.asyncProperty(historyArbitrary, runWith(shadow)), { seed: SEED, path: String(failed.index) });
    throw failed.error;
  },
  scaleMs(1_800_000),
);
