import { PendingCalls } from './pending-calls.ts';

test('each call receives its own reply, in any order', async () => {
  const calls = new PendingCalls<string>(60_000);
  const ids: number[] = [];
  const replies = [1, 2].map(() => calls.call((id) => ids.push(id)));
  calls.settle(ids[1] ?? 0, 'second');
  calls.settle(ids[0] ?? 0, 'first');
  expect(await Promise.all(replies)).toEqual(['first', 'second']);
});

test('a call without a reply resolves with undefined, and a late reply has no effect', async () => {
  const calls = new PendingCalls<string>(1);
  let late = 0;
  expect(await calls.call((id) => (late = id))).toBeUndefined();
  calls.settle(late, 'late');
});
