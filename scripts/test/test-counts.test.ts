import { parseJestCounts, parsePlainCounts } from './test-counts.ts';

test('reads the numbers of Jest, and counts a file that could not run as a failure', () => {
  const summary = (tests: string, suites: string): string => `noise\n\nTest Suites: ${suites}\nTests:       ${tests}\n`;
  expect(parseJestCounts(summary('1 failed, 3 skipped, 2 passed, 6 total', '1 failed, 1 passed, 2 total'))).toEqual({
    passed: 2,
    failed: 1,
    skipped: 3,
  });
  expect(parseJestCounts(summary('2 passed, 2 total', '1 failed, 1 passed, 2 total'))).toEqual({
    passed: 2,
    failed: 1,
    skipped: 0,
  });
  expect(parseJestCounts('Segmentation fault')).toBeUndefined();
});

test('reads the last plain line, with or without skipped tests', () => {
  expect(parsePlainCounts('1 passed, 0 failed\n5 passed, 2 failed\n')).toEqual({ passed: 5, failed: 2, skipped: 0 });
  expect(parsePlainCounts('5 passed, 2 failed, 7 skipped')).toEqual({ passed: 5, failed: 2, skipped: 7 });
  expect(parsePlainCounts('all well')).toBeUndefined();
});
