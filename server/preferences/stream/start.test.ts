import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { isLeafRead } from '../../testing/database-faults.ts';
import { startProxiedGate, type ProxiedGate } from '../../testing/faulty-database-proxy.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import { startSseClient, type SseClient } from '../../testing/sse-client.ts';

/** What may happen to a stream between the request and the first byte of its answer: the database takes its time. */

/** In ms, between two heartbeats. */
const HEARTBEAT_MS = 100;

let fronted: ProxiedGate;
let observer: SseClient;
let release: () => void;

beforeAll(async () => {
  fronted = await startProxiedGate({ streamHeartbeatMs: HEARTBEAT_MS });
});
/** A stream that has begun; from then on no state can be read before `release`. */
beforeEach(async () => {
  const { gate, proxy } = fronted;
  observer = startSseClient({ url: gate.url, headers: { authorization: `Bearer ${gate.token('watch')}` } });
  await observer.waitForEvent(({ name }) => name === 'heartbeat');
  const held = new Promise<void>((resolve) => (release = resolve));
  proxy.fault = async (request) => {
    if (isLeafRead(request)) await held;
    return false;
  };
});
afterEach(() => {
  release();
  fronted.proxy.fault = undefined;
  observer.close();
});
afterAll(() => fronted.close());

/** Resolved once the stream of `username` waits for its state, and with its answer. */
async function openPendingStream(username: string): Promise<{ readonly answer: Promise<Response> }> {
  const { gate, proxy } = fronted;
  const headers = { authorization: `Bearer ${gate.token(username)}` };
  const before = proxy.requests.length;
  const answer = fetch(`${gate.url}/api/users/preferences/stream`, { headers });
  await eventually(() => proxy.requests.slice(before).some((asked) => asked.includes('filter=_doc_ids')));
  return { answer };
}

const heartbeatCount = (): number => observer.events.filter(({ name }) => name === 'heartbeat').length;

async function textUntil(response: Response, end: string): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes(end)) {
    const part = await reader?.read();
    if (part?.value === undefined) throw new Error(`It ended with ${JSON.stringify(text)}.`);
    text += part.value;
  }
  await reader?.cancel();
  return text;
}

test('one that begins later than its first heartbeat would be due begins as any other', async () => {
  const { answer } = await openPendingStream('slow');
  const before = heartbeatCount();
  await eventually(() => heartbeatCount() >= before + 3);
  release();
  const response = await answer;
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const names = (await textUntil(response, 'heartbeat')).match(/(?<=^event: ).*$/gm);
  expect(names).toEqual(['connected', 'preference-update', 'heartbeat']);
});

test('one whose right ends before it begins is an empty stream, at once', async () => {
  const username = fronted.upstream.accountName('gone');
  const { answer } = await openPendingStream(username);
  await fronted.gate.pouchgate.identity.accounts.suspend(parseUsername(username) as Username);
  const response = await answer;
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(await response.text()).toBe('');
});
