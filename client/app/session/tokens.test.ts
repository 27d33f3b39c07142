import type { Session } from '../../../server/contract.ts';
import { createInProcessLocks } from '../../platform/web-locks.ts';
import { createTokens, type Tokens } from './tokens.ts';

const session = (username: string, accessToken: string): Session => ({
  username,
  accessToken,
  expiresAt: '2026-11-22T10:00:00.000Z',
  sessionId: 's',
});

/** A server whose refreshes are answered when the test says so. */
function setUpTokens(): {
  tokens: Tokens;
  refreshCount: () => number;
  completeRefresh: (result: Session | undefined | Error) => void;
} {
  const pending: ((result: Session | undefined | Error) => void)[] = [];
  let asked = 0;
  const tokens = createTokens(
    {
      refresh: () => {
        asked += 1;
        return new Promise((resolve, reject) => {
          pending.push((result) => (result instanceof Error ? reject(result) : resolve(result)));
        });
      },
    },
    createInProcessLocks(),
  );
  return { tokens, refreshCount: () => asked, completeRefresh: (result) => pending.shift()?.(result) };
}

/** Everything that is ready to go on has gone on. */
const flushPromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('all who need a token at once share one refresh', async () => {
  const { tokens, refreshCount, completeRefresh } = setUpTokens();
  const all = [tokens.get('alice'), tokens.get('alice'), tokens.get('alice')];
  await flushPromises();
  completeRefresh(session('alice', 'one'));
  expect(await Promise.all(all)).toEqual(['one', 'one', 'one']);
  expect(refreshCount()).toBe(1);
});

test('a token is used until it is refused, and a refusal of an older one asks for nothing', async () => {
  const { tokens, refreshCount, completeRefresh } = setUpTokens();
  tokens.setSession(session('alice', 'one'));
  expect(await tokens.get('alice')).toBe('one');
  const renewed = tokens.get('alice', 'one');
  await flushPromises();
  completeRefresh(session('alice', 'two'));
  expect(await renewed).toBe('two');
  expect(await tokens.get('alice', 'one')).toBe('two');
  expect(refreshCount()).toBe(1);
});

test('a network failure is passed on and is no sign-out; the next attempt asks again', async () => {
  const { tokens, refreshCount, completeRefresh } = setUpTokens();
  const failing = tokens.get('alice');
  await flushPromises();
  completeRefresh(new TypeError('Failed to fetch'));
  await expect(failing).rejects.toThrow('Failed to fetch');
  const again = tokens.get('alice');
  await flushPromises();
  completeRefresh(session('alice', 'one'));
  expect(await again).toBe('one');
  expect(refreshCount()).toBe(2);
});

test('a sign-in that is over gives no token', async () => {
  const { tokens, completeRefresh } = setUpTokens();
  const token = tokens.get('alice');
  await flushPromises();
  completeRefresh(undefined);
  expect(await token).toBeUndefined();
});

test('nobody gets the token of another user, whoever has signed in to this browser', async () => {
  const { tokens } = setUpTokens();
  tokens.setSession(session('bob', 'token-of-bob'));
  expect(await tokens.get('alice')).toBeUndefined();
  expect(await tokens.get('bob')).toBe('token-of-bob');
});
