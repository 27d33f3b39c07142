/** The numbers of tests that a test runner reports in its output. */
export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

export const NO_TESTS: Readonly<TestCounts> = { passed: 0, failed: 0, skipped: 0 };

const matchNumber = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);

/**
 * Reads Jest's summary.
 *
 * @param output everything that Jest printed, for example `Tests:  1 failed, 3 skipped, 2 passed, 6 total`
 * @returns the counts, or undefined when there is no summary. A test file that could not run counts as one failure.
 */
export function parseJestCounts(output: string): TestCounts | undefined {
  const tests = /^Tests:.*$/m.exec(output)?.[0];
  const suites = /^Test Suites:.*$/m.exec(output)?.[0];
  if (tests === undefined || suites === undefined) return undefined;
  return {
    passed: matchNumber(tests, /(\d+) passed/),
    failed: Math.max(matchNumber(tests, /(\d+) failed/), matchNumber(suites, /(\d+) failed/)),
    skipped: matchNumber(tests, /(\d+) skipped/),
  };
}

/**
 * Reads the last line of the form `N passed, N failed` or `N passed, N failed, N skipped`.
 *
 * @param output everything that the check printed
 * @returns the counts, or undefined when there is no such line
 */
export function parsePlainCounts(output: string): TestCounts | undefined {
  const line = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  if (line === undefined) return undefined;
  return { passed: Number(line[1]), failed: Number(line[2]), skipped: Number(line[3] ?? 0) };
}
