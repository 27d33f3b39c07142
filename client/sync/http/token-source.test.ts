import { createTokenSource, type GetToken } from './token-source.ts';

/** An application whose renewals are pending until `finishRenewal` is called. */
function createFakeApp(): {
  readonly getToken: GetToken;
  readonly rejectedTokens: string[];
  readonly finishRenewal: (token?: string) => void;
} {
  const rejectedTokens: string[] = [];
  const pending: ((token?: string) => void)[] = [];
  return {
    rejectedTokens,
    getToken: (refused) => {
      if (refused === undefined) return Promise.resolve('old');
      rejectedTokens.push(refused);
      return new Promise((resolve) => pending.push(resolve));
    },
    finishRenewal: (token) => {
      for (const resolve of pending.splice(0)) resolve(token);
    },
  };
}
const flushPromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('requests rejected at the same time share one renewal', async () => {
  const { getToken, rejectedTokens, finishRenewal } = createFakeApp();
  const tokens = createTokenSource(getToken);
  const all = [tokens('old'), tokens('old'), tokens('older')];
  await flushPromises();
  finishRenewal('new');
  expect(await Promise.all(all)).toEqual(['new', 'new', 'new']);
  expect(rejectedTokens).toEqual(['old']);
});

test('a request rejected after the renewal gets the new token without another renewal', async () => {
  const { getToken, rejectedTokens, finishRenewal } = createFakeApp();
  const tokens = createTokenSource(getToken);
  const first = tokens('old');
  await flushPromises();
  finishRenewal('new');
  await first;
  expect(await tokens('old')).toBe('new');
  // The application still returns the rejected token.
  expect(await tokens()).toBe('new');
  expect(rejectedTokens).toEqual(['old']);
});

test('the new token can be renewed in turn', async () => {
  const { getToken, rejectedTokens, finishRenewal } = createFakeApp();
  const tokens = createTokenSource(getToken);
  for (const [refused, next] of [
    ['old', 'new'],
    ['new', 'newer'],
  ] as const) {
    const renewal = tokens(refused);
    await flushPromises();
    finishRenewal(next);
    expect(await renewal).toBe(next);
  }
  expect(rejectedTokens).toEqual(['old', 'new']);
});

test.each([
  ['no token', undefined],
  ['the same token', 'old'],
])('a renewal that returned %s is not reused', async (_name, renewed) => {
  const { getToken, rejectedTokens, finishRenewal } = createFakeApp();
  const tokens = createTokenSource(getToken);
  const first = tokens('old');
  await flushPromises();
  finishRenewal(renewed);
  expect(await first).toBe(renewed);
  const second = tokens('old');
  await flushPromises();
  finishRenewal('new');
  expect(await second).toBe('new');
  expect(rejectedTokens).toEqual(['old', 'old']);
});

test('a failed renewal rejects for all requests that share it, and the next request retries', async () => {
  let fails = true;
  const tokens = createTokenSource(() =>
    fails ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve('new'),
  );
  const results = await Promise.allSettled([tokens('old'), tokens('old')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await tokens('old')).toBe('new');
});

test('rejects when getToken throws synchronously', async () => {
  const tokens = createTokenSource(() => {
    throw new Error('no storage');
  });
  await expect(tokens()).rejects.toThrow('no storage');
});
