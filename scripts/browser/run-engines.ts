/**
 * Runs one sequence of steps in Chromium, Firefox and WebKit, each with two profiles, against a complete server with an
 * in-memory database. Prints a table of times. A browser that is not installed is skipped.
 *
 *     tsx scripts/browser/run-engines.ts [chromium | firefox | webkit …]
 */
import { existsSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer } from '../e2e/testing/test-server.ts';
import type { Engine } from './engines/engine.ts';
import { killAllGroups } from './engines/process-group.ts';
import { chromium, firefox } from './engines/puppeteer.ts';
import { formatTable, type Column } from './engines/results-table.ts';
import { runSteps } from './engines/run-steps.ts';
import { STEPS } from './engines/steps.ts';
import { webkit } from './engines/webkit.ts';
import { PAGE_DIRECTORY, rateLimits } from './testing/harness.ts';

const ENGINES: readonly Engine[] = [chromium, firefox, webkit];

/** The folder for the profiles. */
const FOLDER = join(tmpdir(), `pouchgate-browsers-${process.pid}`);

async function main(names: readonly string[]): Promise<number> {
  if (!existsSync(join(PAGE_DIRECTORY, 'index.html'))) throw new Error('The page is not built. Run: npm run build');
  await mkdir(FOLDER);
  const columns: Column[] = [];
  for (const engine of ENGINES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const executablePath = engine.find();
    if (executablePath === undefined) {
      console.log(`skipped ${engine.name}: not installed (Debian: ${engine.debianPackages})`);
      columns.push({ title: engine.name, results: STEPS.map(() => ({ outcome: 'skipped' })) });
      continue;
    }
    const server = await startTestServer({ page: PAGE_DIRECTORY, rateLimits });
    try {
      columns.push(await runSteps(engine, executablePath, server, join(FOLDER, engine.name)));
    } finally {
      await server.close();
    }
  }
  const stepNames = STEPS.map(({ name }) => name);
  console.log(`\n${formatTable(stepNames, columns)}\n`);
  const count = (outcome: string): number =>
    columns.flatMap(({ results }) => results).filter((result) => result.outcome === outcome).length;
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  return count('failed') === 0 ? 0 : 1;
}

/** Ends this process, after all browsers and their profiles. */
async function exit(code: number): Promise<void> {
  await killAllGroups();
  // What is being killed may still write.
  rmSync(FOLDER, { recursive: true, force: true, maxRetries: 10 });
  process.exit(code);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void exit(1));
main(process.argv.slice(2)).then(exit, (error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return exit(1);
});
