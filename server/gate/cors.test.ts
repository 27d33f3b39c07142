import { startTestGate, type TestGate } from '../testing/test-gate.ts';

const APP = 'https://app.example.org';
let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate({ CORS_ORIGINS: APP });
});
afterAll(() => gate.close());

const preflight = (origin: string): Promise<Response> =>
  fetch(`${gate.database}/_changes`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });
const allowedOrigin = (response: Response): string | null => response.headers.get('access-control-allow-origin');

it('a page of an origin on the list may use the gate, with its token', async () => {
  const asked = await preflight(APP);
  expect([asked.status, allowedOrigin(asked)]).toEqual([204, APP]);
  expect(asked.headers.get('access-control-allow-headers')).toBe('authorization,content-type,if-match,last-event-id');
  const answer = await gate.request('alice', '/_changes', { headers: { origin: APP } });
  expect([answer.status, allowedOrigin(answer)]).toEqual([200, APP]);
});

it.each(['https://evil.example.org', `${APP}.evil.org`, 'http://app.example.org', 'null'])(
  'a page of %s may not',
  async (origin) => {
    expect(allowedOrigin(await preflight(origin))).toBeNull();
    expect(allowedOrigin(await gate.request('alice', '/_changes', { headers: { origin } }))).toBeNull();
  },
);

it('without a list no other origin may, and OPTIONS tells the methods alone', async () => {
  const closed = await startTestGate();
  try {
    const asked = await fetch(`${closed.database}/_changes`, { method: 'OPTIONS', headers: { origin: APP } });
    expect([asked.status, allowedOrigin(asked), asked.headers.get('allow')]).toEqual([204, null, 'GET,HEAD,POST']);
  } finally {
    await closed.close();
  }
});
