import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { createFactCache } from './access-record-cache.ts';
import type { Fact } from './access-records.ts';

const username = parseUsername('alice');
if (username === undefined) throw new Error('alice is a username');
const alive: Fact = { kind: 'session', username, expiresAt: 1_000_000 };
const ended: Fact = { kind: 'ended' };
const absent: Fact = { kind: 'absent' };
const suspended: Fact = { kind: 'suspended' };

/** A database whose answers come when the test says so. */
function startDatabase(facts: Record<string, Fact>, options: { limit?: number; maxAge?: number } = {}) {
  const asked: string[][] = [];
  const pending: (() => void)[] = [];
  let now = 0;
  const cache = createFactCache({
    read: (ids) => {
      asked.push([...ids]);
      const seen = new Map(ids.map((id) => [id, facts[id] ?? absent]));
      return new Promise((resolve) => pending.push(() => resolve(seen)));
    },
    limit: options.limit ?? 100,
    maxAge: () => options.maxAge ?? Infinity,
    now: () => now,
  });
  const answerAll = (): void => {
    for (const answer of pending.splice(0)) answer();
  };
  const get = async (id: string): Promise<Fact | undefined> => {
    const facts = cache.get([id]);
    answerAll();
    return (await facts).get(id);
  };
  return { cache, facts, asked, answerAll, get, pass: (time: number) => (now += time) };
}

test('a fact is read once, and followed by news from then on', async () => {
  const { cache, asked, get } = startDatabase({ 'session:a': alive });
  expect(await get('session:a')).toEqual(alive);
  expect(await get('session:a')).toEqual(alive);
  cache.note('session:a', ended);
  expect(await get('session:a')).toEqual(ended);
  expect(asked).toEqual([['session:a']]);
});

test('news that come while a read is under way win over what it read', async () => {
  const { cache, asked, answerAll, get } = startDatabase({ 'session:a': alive });
  const facts = cache.get(['session:a']);
  cache.note('session:a', ended);
  answerAll();
  expect((await facts).get('session:a')).toEqual(ended);
  expect(await get('session:a')).toEqual(ended);
  expect(asked).toHaveLength(1);
});

test('a read that an interruption of the news overtook is not remembered', async () => {
  const { cache, asked, answerAll, get } = startDatabase({ 'session:a': alive });
  const facts = cache.get(['session:a']);
  cache.clear();
  answerAll();
  expect((await facts).get('session:a')).toEqual(alive);
  await get('session:a');
  expect(asked).toHaveLength(2);
});

test('an ended session is not made alive by older news', async () => {
  const { cache, get } = startDatabase({});
  cache.note('session:a', ended);
  cache.note('session:a', alive);
  expect(await get('session:a')).toEqual(ended);
});

test('a suspension comes and goes with the news', async () => {
  const { cache, get } = startDatabase({});
  expect(await get('suspended:alice')).toEqual(absent);
  cache.note('suspended:alice', suspended);
  expect(await get('suspended:alice')).toEqual(suspended);
  cache.note('suspended:alice', absent);
  expect(await get('suspended:alice')).toEqual(absent);
});

test('that a session is absent is not remembered: it may not have arrived yet', async () => {
  const { facts, get } = startDatabase({});
  expect(await get('session:a')).toEqual(absent);
  facts['session:a'] = alive;
  expect(await get('session:a')).toEqual(alive);
});

test('a fact is believed no longer than its age allows, counted from before it was read', async () => {
  const { asked, get, pass, cache, answerAll } = startDatabase({ 'session:a': alive }, { maxAge: 5_000 });
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
  const { asked, get } = startDatabase({ 'session:a': alive, 'session:b': alive, 'session:c': alive }, { limit: 2 });
  for (const id of ['session:a', 'session:b', 'session:a', 'session:c', 'session:a']) await get(id);
  expect(asked.flat()).toEqual(['session:a', 'session:b', 'session:c']);
  await get('session:b');
  expect(asked).toHaveLength(4);
});
