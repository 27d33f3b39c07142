import { spawn } from 'node:child_process';

/**
 * Every check there is, in one command: `npm test`. Each prints as it goes; the last line is `N passed, N failed`, where
 * a check without tests of its own (types, lint) counts as one.
 */
interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Finds how many tests passed and failed in what the check printed; undefined where it is one check as a whole. */
  readonly parseCounts?: (output: string) => TestCounts | undefined;
}

interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

const matchNumber = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);

/** Jest's last lines: `Tests:  1 failed, 2 passed, 3 total`. A suite that could not run counts as one failure. */
function parseJestCounts(output: string): TestCounts | undefined {
  const tests = /^Tests:.*$/m.exec(output)?.[0];
  const suites = /^Test Suites:.*$/m.exec(output)?.[0];
  if (tests === undefined || suites === undefined) return undefined;
  const failed = Math.max(matchNumber(tests, /(\d+) failed/), matchNumber(suites, /(\d+) failed/));
  return { passed: matchNumber(tests, /(\d+) passed/), failed };
}

/** The browser tests' own last line. */
function parsePlainCounts(output: string): TestCounts | undefined {
  const line = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  return line === undefined ? undefined : { passed: Number(line[1]), failed: Number(line[2]) };
}

/** One group after the other; the rows of a group beside each other, and the checks of a row in their order. */
const GROUPS: readonly (readonly (readonly Check[])[])[] = [
  [
    [
      { name: 'types', command: ['tsc', '--noEmit'] },
      { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
      { name: 'unused code', command: ['knip'] },
      { name: 'page', command: ['vite', 'build', '--config', 'client/vite.config.ts', '--logLevel', 'warn'] },
      { name: 'package', command: ['tsx', 'scripts/e2e/packaging/package.ts'], parseCounts: parsePlainCounts },
    ],
    [{ name: 'lint', command: ['eslint', '.'] }],
  ],
  // What follows has timing of its own, and gets the machine to itself.
  [[{ name: 'tests', command: ['jest'], parseCounts: parseJestCounts }]],
  [[{ name: 'browser', command: ['tsx', 'scripts/browser/run.ts', '--quick'], parseCounts: parsePlainCounts }]],
];

/** Resolves with whether the command succeeded and all that it printed; it is printed here as it comes, too. */
function run([program, ...args]: Check['command']): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
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

let passed = 0;
let failed = 0;

async function runCheck({ name, command, parseCounts }: Check): Promise<void> {
  console.log(`\n== ${name}`);
  const began = Date.now();
  const { ok, output } = await run(command);
  const counts = parseCounts?.(output) ?? { passed: ok ? 1 : 0, failed: 0 };
  passed += counts.passed;
  // A check that says no without naming a failed test has failed all the same.
  failed += ok ? counts.failed : Math.max(counts.failed, 1);
  console.log(`== ${name}: ${ok ? 'good' : 'FAILED'} after ${Math.round((Date.now() - began) / 1000)} s`);
}

async function runRow(row: readonly Check[]): Promise<void> {
  for (const one of row) await runCheck(one);
}

for (const group of GROUPS) await Promise.all(group.map(runRow));
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
