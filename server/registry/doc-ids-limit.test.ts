import { DocIdsLimit } from './doc-ids-limit.ts';

/** A limit whose version requests are answered by the test, in any order. */
function createLimit(threshold?: number) {
  const answers: ((version: string | undefined) => Promise<void>)[] = [];
  const limit = new DocIdsLimit({
    threshold,
    readVersion: () =>
      new Promise((resolve) => {
        answers.push(async (version) => {
          resolve(version);
          await Promise.resolve();
        });
      }),
  });
  return { limit, answers };
}

test('is 100 ids until the version is known, then what fits the version', async () => {
  const { limit, answers } = createLimit();
  expect(limit.maxIds).toBe(100);
  limit.onConnect();
  expect(limit.maxIds).toBe(100);
  await answers[0]?.('3.4.3');
  expect(limit.maxIds).toBe(250);
});

test.each([undefined, '3.3.3', '3.0.1'])('stays at 100 ids for version %s', async (version) => {
  const { limit, answers } = createLimit();
  limit.onConnect();
  await answers[0]?.(version);
  expect(limit.maxIds).toBe(100);
});

test('forgets the version when the feed disconnects, and ignores an earlier response', async () => {
  const { limit, answers } = createLimit();
  limit.onConnect();
  await answers[0]?.('3.4.3');
  limit.onDisconnect();
  expect(limit.maxIds).toBe(100);
  limit.onConnect();
  limit.onDisconnect();
  limit.onConnect();
  await answers[2]?.('3.3.3');
  await answers[1]?.('3.4.3');
  expect(limit.maxIds).toBe(100);
});

test.each([
  [10, 10],
  [100, 100],
  [5_000, 250],
])('a configured threshold of %i allows %i ids, and no version is read', (threshold, maxIds) => {
  const { limit, answers } = createLimit(threshold);
  limit.onConnect();
  expect(answers).toHaveLength(0);
  expect(limit.maxIds).toBe(maxIds);
});
