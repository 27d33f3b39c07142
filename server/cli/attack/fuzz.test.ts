import { harmless } from './fuzz.ts';
import { createSeededRandom } from './generate/random.ts';
import { AttackGenerator, type Attack } from './generate/request-generator.ts';

const names = {
  base: '/sync',
  database: 'user_registry',
  sessions: 'pouchgate_sessions',
  own: { id: 'user_alice', username: 'alice' },
  other: { id: 'user_bob', username: 'bob' },
};
const context = { names, path: '/sync/user_registry' };
const known = { own: { _id: 'user_alice', _rev: `1-${'a'.repeat(32)}` }, token: 'x.y.z', badTokens: [''] };
const generate = (seed: number, count: number): Attack[] => {
  const generator = new AttackGenerator(names, createSeededRandom(seed));
  return Array.from({ length: count }, () => generator.next(known));
};

test('the same seed gives the same requests, and another one gives others', () => {
  expect(generate(1, 200)).toEqual(generate(1, 200));
  expect(generate(1, 200)).not.toEqual(generate(2, 200));
});

test('no random request removes more than the data of the two users, if a server lets it through', () => {
  const removing = /^(DELETE|PUT|PURGE|MOVE|COPY)$/;
  const sent = generate(3, 20_000).map((attack) => harmless(attack, context));
  const targets = sent.filter(({ method }) => removing.test(method)).map(({ target }) => target.split('?', 1)[0] ?? '');
  expect(targets.length).toBeGreaterThan(100);
  for (const target of new Set(targets))
    expect(target).toMatch(/^\/sync\/user_registry\/(user_alice|user_bob|_local\/[a-z+]+)$/);
  const overridden = sent.filter(({ headers }) => 'X-HTTP-Method-Override' in headers);
  for (const { target } of overridden) expect(target).toMatch(/^\/sync\/user_registry\/(user_|_local\/)/);
});
