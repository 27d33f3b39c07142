import type { Session } from '../../../server/contract.ts';
import { createInProcessLocks } from '../../platform/web-locks.ts';
import { createTokens, type Tokens } from './tokens.ts';

const session = (username: string, accessToken: string): Session => ({
  username,
  accessToken,
  expiresAt: '2026-11-22T10:00:00.000Z',
  sessionId: 's',
});

/** A server whose refreshes complete when the test calls `completeRefresh`. */
function setUpTokens(): {
  tokens: Tokens;
  refreshCount: () => number;
  completeRefresh: (result: Session | undefined | Error) => void;
} {
  const pending: ((result: Session | undefined | Error) => void)[] = [];
  let refreshCount = 0;
  const tokens = createTokens(
    {
      refresh: () => {
        refreshCount += 1;
        return new Promise((resolve, reject) => {
          pending.push((result) => (result instanceof Error ? reject(result) : resolve(result)));
        });
      },
    },
    createInProcessLocks(),
  );
  return { tokens, refreshCount: () => refreshCount, completeRefresh: (result) => pending.shift()?.(result) };
}

/** Resolves when all pending microtasks have run. */
const flushPromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('concurrent requests for a token share one refresh', async () => {
  const { tokens, refreshCount, completeRefresh } = setUpTokens();
  const requests = [tokens.get('alice'), tokens.get('alice'), tokens.get('alice')];
  await flushPromises();
  completeRefresh(session('alice', 'one'));
  expect(await Promise.all(requests)).toEqual(['one', 'one', 'one']);
  expect(refreshCount()).toBe(1);
});

test('a token is cached until it is rejected, and the rejection of an older one causes no refresh', async () => {
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

test('a network failure rejects without signing out, and the next call refreshes again', async () => {
  const { tokens, refreshCount, completeRefresh } = setUpTokens();
  const failing = tokens.get('alice');
  await flushPromises();
  completeRefresh(new TypeError('Failed to fetch'));
  await expect(failing).rejects.toThrow('Failed to fetch');
  const retry = tokens.get('alice');
  await flushPromises();
  completeRefresh(session('alice', 'one'));
  expect(await retry).toBe('one');
  expect(refreshCount()).toBe(2);
});

test('returns undefined when the session has ended', async () => {
  const { tokens, completeRefresh } = setUpTokens();
  const token = tokens.get('alice');
  await flushPromises();
  completeRefresh(undefined);
  expect(await token).toBeUndefined();
});

test('never returns the token of another user', async () => {
  const { tokens } = setUpTokens();
  tokens.setSession(session('bob', 'token-of-bob'));
  expect(await tokens.get('alice')).toBeUndefined();
  expect(await tokens.get('bob')).toBe('token-of-bob');
});
