import type { Session } from '../../../server/contract.ts';
import { createQueue } from '../../platform/web-locks.ts';
import { createTokens, type Tokens } from './tokens.ts';

const session = (username: string, accessToken: string): Session => ({
  username,
  accessToken,
  expiresAt: '2026-11-22T10:00:00.000Z',
  sessionId: 's',
});

/** A server whose refreshes are answered when the test says so. */
function refreshing(): { tokens: Tokens; asked: () => number; answer: (result: Session | undefined | Error) => void } {
  const waiting: ((result: Session | undefined | Error) => void)[] = [];
  let asked = 0;
  const tokens = createTokens(
    {
      refresh: () => {
        asked += 1;
        return new Promise((resolve, reject) => {
          waiting.push((result) => (result instanceof Error ? reject(result) : resolve(result)));
        });
      },
    },
    createQueue(),
  );
  return { tokens, asked: () => asked, answer: (result) => waiting.shift()?.(result) };
}

/** Everything that is ready to go on has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('all who need a token at once share one refresh', async () => {
  const { tokens, asked, answer } = refreshing();
  const all = [tokens.get('alice'), tokens.get('alice'), tokens.get('alice')];
  await settled();
  answer(session('alice', 'one'));
  expect(await Promise.all(all)).toEqual(['one', 'one', 'one']);
  expect(asked()).toBe(1);
});

test('a token is used until it is refused, and a refusal of an older one asks for nothing', async () => {
  const { tokens, asked, answer } = refreshing();
  tokens.take(session('alice', 'one'));
  expect(await tokens.get('alice')).toBe('one');
  const renewed = tokens.get('alice', 'one');
  await settled();
  answer(session('alice', 'two'));
  expect(await renewed).toBe('two');
  expect(await tokens.get('alice', 'one')).toBe('two');
  expect(asked()).toBe(1);
});

test('a network failure is passed on and is no sign-out; the next attempt asks again', async () => {
  const { tokens, asked, answer } = refreshing();
  const failing = tokens.get('alice');
  await settled();
  answer(new TypeError('Failed to fetch'));
  await expect(failing).rejects.toThrow('Failed to fetch');
  const again = tokens.get('alice');
  await settled();
  answer(session('alice', 'one'));
  expect(await again).toBe('one');
  expect(asked()).toBe(2);
});

test('a sign-in that is over gives no token', async () => {
  const { tokens, answer } = refreshing();
  const token = tokens.get('alice');
  await settled();
  answer(undefined);
  expect(await token).toBeUndefined();
});

test('nobody gets the token of another user, whoever has signed in to this browser', async () => {
  const { tokens } = refreshing();
  tokens.take(session('bob', 'token-of-bob'));
  expect(await tokens.get('alice')).toBeUndefined();
  expect(await tokens.get('bob')).toBe('token-of-bob');
});
