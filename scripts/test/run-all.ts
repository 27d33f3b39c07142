/**
 * Runs every check: `npm test`. Each check prints as it goes. The last line is `N passed, N failed, N skipped`, where a
 * check that has no tests (types, lint) counts as one. The exit code is 1 when anything failed.
 */
import { join } from 'node:path';
import { measurePatience } from './measure-patience.ts';
import { spawnGroup } from './spawn-group.ts';
import { NO_TESTS, parseJestCounts, parsePlainCounts, type TestCounts } from './test-counts.ts';

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Reads the numbers of tests from the check's output. Undefined for a check that counts as one test. */
  readonly parseCounts?: (output: string) => TestCounts | undefined;
  /** Multiplies the patience of tests that share the processors with another row. Default: 1. */
  readonly patienceFactor?: number;
}

/** Tests of `npm start` build the page into its usual folder meanwhile, so the browser checks have a build of their own. */
const PAGE = join(import.meta.dirname, '../../dist/tested-page');

/**
 * The rows run in parallel, and the checks of a row in sequence. On two processors the rows end at about the same time: where
 * one waits for a browser, an installation or a proxy, the other computes.
 */
const ROWS: readonly (readonly Check[])[] = [
  [
    { name: 'types', command: ['tsc', '--noEmit'] },
    { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
    { name: 'lint', command: ['eslint', '.'] },
    { name: 'unused code', command: ['knip'] },
    {
      name: 'page',
      command: ['vite', 'build', '--config', 'client/vite.config.ts', '--logLevel', 'warn', '--outDir', PAGE],
    },
    { name: 'package', command: ['tsx', 'scripts/e2e/packaging/package.ts'], parseCounts: parsePlainCounts },
    { name: 'browser', command: ['tsx', 'scripts/browser/run.ts', '--quick'], parseCounts: parsePlainCounts },
    { name: 'browsers', command: ['tsx', 'scripts/browser/run-engines.ts'], parseCounts: parsePlainCounts },
  ],
  [
    {
      name: 'proxies',
      command: ['tsx', 'scripts/e2e/proxies/run.ts', '--quick'],
      parseCounts: parsePlainCounts,
      patienceFactor: 2,
    },
    { name: 'tests', command: ['jest'], parseCounts: parseJestCounts, patienceFactor: 1.5 },
  ],
];

/** Runs a command and prints its output as it comes. Resolves with that output and whether the exit code was 0. */
function run({ command, patienceFactor = 1 }: Check): Promise<{ ok: boolean; output: string }> {
  const [program, ...args] = command;
  const env = { ...process.env, TEST_PATIENCE: String(patience * patienceFactor), PAGE };
  return new Promise((resolve, reject) => {
    const child = spawnGroup(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        process.stdout.write(text);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ ok: code === 0, output });
    });
  });
}

async function runCheck(check: Check): Promise<TestCounts> {
  const { name, parseCounts } = check;
  console.log(`\n== ${name}`);
  const startedAt = Date.now();
  const { ok, output } = await run(check);
  console.log(`== ${name}: ${ok ? 'passed' : 'FAILED'} after ${Math.round((Date.now() - startedAt) / 1_000)} s`);
  const counts = parseCounts?.(output) ?? { ...NO_TESTS, passed: ok ? 1 : 0 };
  // A check can fail without naming a failed test.
  return ok ? counts : { ...counts, failed: Math.max(counts.failed, 1) };
}

/** Every check gets it as a variable: see couchdb-design/testing/patience.ts. */
const patience = Number(process.env['TEST_PATIENCE'] ?? measurePatience());
const total = { ...NO_TESTS };

async function runRow(row: readonly Check[]): Promise<void> {
  for (const check of row) {
    const { passed, failed, skipped } = await runCheck(check);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
}

await Promise.all(ROWS.map(runRow));
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
