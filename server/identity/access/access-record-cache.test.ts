import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { AccessRecordCache } from './access-record-cache.ts';
import type { AccessRecord } from './access-records.ts';

const username = parseUsername('alice');
if (username === undefined) throw new Error('alice is not a username');
const active: AccessRecord = { kind: 'session', username, expiresAt: 1_000_000 };
const ended: AccessRecord = { kind: 'ended' };
const absent: AccessRecord = { kind: 'absent' };
const suspended: AccessRecord = { kind: 'suspended' };

/** A cache over a database whose responses the test sends, on a clock that the test advances. */
function createFixture(stored: Record<string, AccessRecord>, options: { maxEntries?: number; maxAgeMs?: number } = {}) {
  const requests: string[][] = [];
  const pendingResponses: (() => void)[] = [];
  let now = 0;
  const cache = new AccessRecordCache({
    read: (ids) => {
      requests.push([...ids]);
      const records = new Map(ids.map((id) => [id, stored[id] ?? absent]));
      return new Promise((resolve) => pendingResponses.push(() => resolve(records)));
    },
    maxEntries: options.maxEntries ?? 100,
    maxAgeMs: () => options.maxAgeMs ?? Infinity,
    now: () => now,
  });
  const respondAll = (): void => {
    for (const respond of pendingResponses.splice(0)) respond();
  };
  const get = async (id: string): Promise<AccessRecord | undefined> => {
    const records = cache.get([id]);
    respondAll();
    return (await records).get(id);
  };
  return { cache, stored, requests, respondAll, get, advance: (ms: number) => (now += ms) };
}

test('a record is read once, then kept current by updates', async () => {
  const { cache, requests, get } = createFixture({ 'session:a': active });
  expect(await get('session:a')).toEqual(active);
  expect(await get('session:a')).toEqual(active);
  cache.set('session:a', ended);
  expect(await get('session:a')).toEqual(ended);
  expect(requests).toEqual([['session:a']]);
});

test('an update during a read wins over the result of the read', async () => {
  const { cache, requests, respondAll, get } = createFixture({ 'session:a': active });
  const records = cache.get(['session:a']);
  cache.set('session:a', ended);
  respondAll();
  expect((await records).get('session:a')).toEqual(ended);
  expect(await get('session:a')).toEqual(ended);
  expect(requests).toHaveLength(1);
});

test('a read that was pending during clear is not cached', async () => {
  const { cache, requests, respondAll, get } = createFixture({ 'session:a': active });
  const records = cache.get(['session:a']);
  cache.clear();
  respondAll();
  expect((await records).get('session:a')).toEqual(active);
  await get('session:a');
  expect(requests).toHaveLength(2);
});

test('an ended session is not made active again by an older update', async () => {
  const { cache, get } = createFixture({});
  cache.set('session:a', ended);
  cache.set('session:a', active);
  expect(await get('session:a')).toEqual(ended);
});

test('updates add and remove a suspension', async () => {
  const { cache, get } = createFixture({});
  expect(await get('suspended:alice')).toEqual(absent);
  cache.set('suspended:alice', suspended);
  expect(await get('suspended:alice')).toEqual(suspended);
  cache.set('suspended:alice', absent);
  expect(await get('suspended:alice')).toEqual(absent);
});

test('an absent session is not cached, because it may not have reached the replica yet', async () => {
  const { stored, get } = createFixture({});
  expect(await get('session:a')).toEqual(absent);
  stored['session:a'] = active;
  expect(await get('session:a')).toEqual(active);
});

test('a record expires at its maximum age, counted from the start of its read', async () => {
  const { requests, get, advance, cache, respondAll } = createFixture({ 'session:a': active }, { maxAgeMs: 5_000 });
  const records = cache.get(['session:a']);
  advance(4_000);
  respondAll();
  await records;
  advance(1_000);
  await get('session:a');
  expect(requests).toHaveLength(1);
  advance(1);
  await get('session:a');
  expect(requests).toHaveLength(2);
});

test('a record from before the clock was set back is read again', async () => {
  const { requests, get, advance } = createFixture({ 'session:a': active }, { maxAgeMs: 5_000 });
  advance(2 * 86_400_000);
  await get('session:a');
  advance(-86_400_000);
  await get('session:a');
  await get('session:a');
  expect(requests).toHaveLength(2);
});

test('beyond the limit the least recently used record is evicted', async () => {
  const { requests, get } = createFixture(
    { 'session:a': active, 'session:b': active, 'session:c': active },
    { maxEntries: 2 },
  );
  for (const id of ['session:a', 'session:b', 'session:a', 'session:c', 'session:a']) await get(id);
  expect(requests.flat()).toEqual(['session:a', 'session:b', 'session:c']);
  await get('session:b');
  expect(requests).toHaveLength(4);
});
