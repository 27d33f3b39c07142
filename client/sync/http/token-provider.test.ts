import { createTokenProvider } from './token-provider.ts';
import type { GetToken } from './token-source.ts';

const getToken = (value: unknown): Promise<string | undefined> =>
  createTokenProvider((() => value) as unknown as GetToken).getToken();

test.each(['a.b.c', 'opaque~token/with+64=='])('passes on the token %s', async (token) => {
  expect(await getToken(token)).toBe(token);
  expect(await getToken(Promise.resolve(token))).toBe(token);
});

test.each([[undefined], [null]])('%p means that there is no token', async (value) => {
  expect(await getToken(value)).toBeUndefined();
});

test.each([[''], ['Bearer a.b.c'], ['a.b.c\n'], ['tökèn'], [7], [{ access_token: 'a.b.c' }], [true]])(
  '%p is not a token',
  async (value) => {
    await expect(getToken(value)).rejects.toMatchObject({ reason: 'token-invalid-value' });
  },
);

test('an error of getToken has the same reason, thrown or rejected', async () => {
  const error = new Error('no session');
  const throwing = createTokenProvider(() => {
    throw error;
  });
  await expect(throwing.getToken()).rejects.toMatchObject({ reason: 'token-unavailable' });
  await expect(getToken(Promise.reject(error))).rejects.toMatchObject({ reason: 'token-unavailable' });
});

test('is pending until every call has settled, and passes on the rejected token', async () => {
  const resolvers: ((token: string) => void)[] = [];
  const rejected: (string | undefined)[] = [];
  const tokens = createTokenProvider((refused) => {
    rejected.push(refused);
    return new Promise((resolve) => resolvers.push(resolve));
  });
  const calls = [tokens.getToken(), tokens.getToken('old')];
  resolvers[0]?.('new');
  await calls[0];
  expect([tokens.isPending(), rejected]).toEqual([true, [undefined, 'old']]);
  resolvers[1]?.('newer');
  await calls[1];
  expect(tokens.isPending()).toBe(false);
});
