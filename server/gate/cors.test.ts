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

it('a page of an allowed origin may use the gate with its token', async () => {
  const allowed = await preflight(APP);
  expect([allowed.status, allowedOrigin(allowed)]).toEqual([204, APP]);
  expect(allowed.headers.get('access-control-allow-headers')).toBe(
    'authorization,content-type,if-match,last-event-id,x-request-id,traceparent',
  );
  const response = await gate.request('alice', '/_changes', { headers: { origin: APP } });
  expect([response.status, allowedOrigin(response)]).toEqual([200, APP]);
});

it.each(['https://evil.example.org', `${APP}.evil.org`, 'http://app.example.org', 'null'])(
  'a page of %s may not use the gate',
  async (origin) => {
    expect(allowedOrigin(await preflight(origin))).toBeNull();
    expect(allowedOrigin(await gate.request('alice', '/_changes', { headers: { origin } }))).toBeNull();
  },
);

it('without a list of origins no other origin may use the gate, and OPTIONS returns only the methods', async () => {
  const closed = await startTestGate();
  try {
    const response = await fetch(`${closed.database}/_changes`, { method: 'OPTIONS', headers: { origin: APP } });
    expect([response.status, allowedOrigin(response), response.headers.get('allow')]).toEqual([
      204,
      null,
      'GET,HEAD,POST',
    ]);
  } finally {
    await closed.close();
  }
});
