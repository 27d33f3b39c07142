import { createTokenSource, type GetToken } from './token-source.ts';

/** An app whose renewals wait until they are let go. */
function createFakeApp(): {
  readonly getToken: GetToken;
  readonly asked: string[];
  readonly renewed: (token?: string) => void;
} {
  const asked: string[] = [];
  const waiting: ((token?: string) => void)[] = [];
  return {
    asked,
    getToken: (refused) => {
      if (refused === undefined) return Promise.resolve('old');
      asked.push(refused);
      return new Promise((resolve) => waiting.push(resolve));
    },
    renewed: (token) => {
      for (const resolve of waiting.splice(0)) resolve(token);
    },
  };
}
const flushPromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('all who were refused at once share one renewal, whatever the app does', async () => {
  const { getToken, asked, renewed } = createFakeApp();
  const tokens = createTokenSource(getToken);
  const all = [tokens('old'), tokens('old'), tokens('older')];
  await flushPromises();
  renewed('new');
  expect(await Promise.all(all)).toEqual(['new', 'new', 'new']);
  expect(asked).toEqual(['old']);
});

test('who hears of the refusal when the renewal is done takes the new token without another', async () => {
  const { getToken, asked, renewed } = createFakeApp();
  const tokens = createTokenSource(getToken);
  const first = tokens('old');
  await flushPromises();
  renewed('new');
  await first;
  expect(await tokens('old')).toBe('new');
  // An app that still gives what was refused is not believed.
  expect(await tokens()).toBe('new');
  expect(asked).toEqual(['old']);
});

test('the new token is renewed in its turn', async () => {
  const { getToken, asked, renewed } = createFakeApp();
  const tokens = createTokenSource(getToken);
  for (const [refused, next] of [
    ['old', 'new'],
    ['new', 'newer'],
  ] as const) {
    const renewal = tokens(refused);
    await flushPromises();
    renewed(next);
    expect(await renewal).toBe(next);
  }
  expect(asked).toEqual(['old', 'new']);
});

test.each([
  ['nothing', undefined],
  ['the same token again', 'old'],
])('a renewal that gave %s is not remembered', async (_what, given) => {
  const { getToken, asked, renewed } = createFakeApp();
  const tokens = createTokenSource(getToken);
  const first = tokens('old');
  await flushPromises();
  renewed(given);
  expect(await first).toBe(given);
  const second = tokens('old');
  await flushPromises();
  renewed('new');
  expect(await second).toBe('new');
  expect(asked).toEqual(['old', 'old']);
});

test('a failed renewal fails for all who shared it, and is tried again by the next', async () => {
  let fails = true;
  const tokens = createTokenSource(() =>
    fails ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve('new'),
  );
  const results = await Promise.allSettled([tokens('old'), tokens('old')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await tokens('old')).toBe('new');
});

test('an app that throws at once has failed like any other', async () => {
  const tokens = createTokenSource(() => {
    throw new Error('no storage');
  });
  await expect(tokens()).rejects.toThrow('no storage');
});
