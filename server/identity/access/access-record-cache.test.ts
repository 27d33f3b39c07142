import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { createAccessRecordCache } from './access-record-cache.ts';
import type { AccessRecord } from './access-records.ts';

const username = parseUsername('alice');
if (username === undefined) throw new Error('alice is a username');
const active: AccessRecord = { kind: 'session', username, expiresAt: 1_000_000 };
const ended: AccessRecord = { kind: 'ended' };
const absent: AccessRecord = { kind: 'absent' };
const suspended: AccessRecord = { kind: 'suspended' };

/** A database whose answers come when the test says so. */
function createFixture(facts: Record<string, AccessRecord>, options: { limit?: number; maxAge?: number } = {}) {
  const requests: string[][] = [];
  const pendingResponses: (() => void)[] = [];
  let now = 0;
  const cache = createAccessRecordCache({
    read: (ids) => {
      requests.push([...ids]);
      const seen = new Map(ids.map((id) => [id, facts[id] ?? absent]));
      return new Promise((resolve) => pendingResponses.push(() => resolve(seen)));
    },
    maxEntries: options.limit ?? 100,
    maxAgeMs: () => options.maxAge ?? Infinity,
    now: () => now,
  });
  const resolveAll = (): void => {
    for (const answer of pendingResponses.splice(0)) answer();
  };
  const get = async (id: string): Promise<AccessRecord | undefined> => {
    const facts = cache.get([id]);
    resolveAll();
    return (await facts).get(id);
  };
  return { cache, facts, asked: requests, answerAll: resolveAll, get, pass: (time: number) => (now += time) };
}

test('a fact is read once, and followed by news from then on', async () => {
  const { cache, asked, get } = createFixture({ 'session:a': active });
  expect(await get('session:a')).toEqual(active);
  expect(await get('session:a')).toEqual(active);
  cache.set('session:a', ended);
  expect(await get('session:a')).toEqual(ended);
  expect(asked).toEqual([['session:a']]);
});

test('news that come while a read is under way win over what it read', async () => {
  const { cache, asked, answerAll, get } = createFixture({ 'session:a': active });
  const facts = cache.get(['session:a']);
  cache.set('session:a', ended);
  answerAll();
  expect((await facts).get('session:a')).toEqual(ended);
  expect(await get('session:a')).toEqual(ended);
  expect(asked).toHaveLength(1);
});

test('a read that an interruption of the news overtook is not remembered', async () => {
  const { cache, asked, answerAll, get } = createFixture({ 'session:a': active });
  const facts = cache.get(['session:a']);
  cache.clear();
  answerAll();
  expect((await facts).get('session:a')).toEqual(active);
  await get('session:a');
  expect(asked).toHaveLength(2);
});

test('an ended session is not made alive by older news', async () => {
  const { cache, get } = createFixture({});
  cache.set('session:a', ended);
  cache.set('session:a', active);
  expect(await get('session:a')).toEqual(ended);
});

test('a suspension comes and goes with the news', async () => {
  const { cache, get } = createFixture({});
  expect(await get('suspended:alice')).toEqual(absent);
  cache.set('suspended:alice', suspended);
  expect(await get('suspended:alice')).toEqual(suspended);
  cache.set('suspended:alice', absent);
  expect(await get('suspended:alice')).toEqual(absent);
});

test('that a session is absent is not remembered: it may not have arrived yet', async () => {
  const { facts, get } = createFixture({});
  expect(await get('session:a')).toEqual(absent);
  facts['session:a'] = active;
  expect(await get('session:a')).toEqual(active);
});

test('a fact is believed no longer than its age allows, counted from before it was read', async () => {
  const { asked, get, pass, cache, answerAll } = createFixture({ 'session:a': active }, { maxAge: 5_000 });
  const facts = cache.get(['session:a']);
  pass(4_000);
  answerAll();
  await facts;
  pass(1_000);
  await get('session:a');
  expect(asked).toHaveLength(1);
  pass(1);
  await get('session:a');
  expect(asked).toHaveLength(2);
});

test('no more is remembered than the limit, and what was used last stays', async () => {
  const { asked, get } = createFixture({ 'session:a': active, 'session:b': active, 'session:c': active }, { limit: 2 });
  for (const id of ['session:a', 'session:b', 'session:a', 'session:c', 'session:a']) await get(id);
  expect(asked.flat()).toEqual(['session:a', 'session:b', 'session:c']);
  await get('session:b');
  expect(asked).toHaveLength(4);
});
