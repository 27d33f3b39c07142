import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { isLeafRead } from '../../testing/database-faults.ts';
import { startProxiedGate, type ProxiedGate } from '../../testing/faulty-database-proxy.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import { startSseClient, type SseClient } from '../../testing/sse-client.ts';

/** Streams with a slow read of the state: what happens between the request and the first byte of the response. */

const HEARTBEAT_MS = 100;

let fronted: ProxiedGate;
let observer: SseClient;
let release: () => void;

beforeAll(async () => {
  fronted = await startProxiedGate({ streamHeartbeatMs: HEARTBEAT_MS });
});
/** Opens a stream that has started. From then on no state can be read before `release`. */
beforeEach(async () => {
  const { gate, proxy } = fronted;
  observer = startSseClient({ url: gate.url, headers: { authorization: `Bearer ${gate.token('watch')}` } });
  await observer.waitForEvent(({ name }) => name === 'heartbeat');
  const released = new Promise<void>((resolve) => (release = resolve));
  proxy.fault = async (request) => {
    if (isLeafRead(request)) await released;
    return false;
  };
});
afterEach(() => {
  release();
  fronted.proxy.fault = undefined;
  observer.close();
});
afterAll(() => fronted.close());

/** Resolves once the stream of `username` waits for its state. */
async function openPendingStream(username: string): Promise<{ readonly response: Promise<Response> }> {
  const { gate, proxy } = fronted;
  const headers = { authorization: `Bearer ${gate.token(username)}` };
  const before = proxy.requests.length;
  const response = fetch(`${gate.url}/api/users/preferences/stream`, { headers });
  await eventually(() => proxy.requests.slice(before).some((request) => request.includes('filter=_doc_ids')));
  return { response };
}

const heartbeatCount = (): number => observer.events.filter(({ name }) => name === 'heartbeat').length;

async function textUntil(response: Response, end: string): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes(end)) {
    const part = await reader?.read();
    if (part?.value === undefined) throw new Error(`The stream ended after ${JSON.stringify(text)}.`);
    text += part.value;
  }
  await reader?.cancel();
  return text;
}

test('a stream that starts later than its first heartbeat would be due starts normally', async () => {
  const pending = await openPendingStream('slow');
  const before = heartbeatCount();
  await eventually(() => heartbeatCount() >= before + 3);
  release();
  const response = await pending.response;
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const names = (await textUntil(response, 'heartbeat')).match(/(?<=^event: ).*$/gm);
  expect(names).toEqual(['connected', 'preference-update', 'heartbeat']);
});

test('a stream whose caller loses access before it starts is empty and ends immediately', async () => {
  const username = fronted.upstream.accountName('gone');
  const pending = await openPendingStream(username);
  await fronted.gate.pouchgate.identity.accounts.suspend(parseUsername(username) as Username);
  const response = await pending.response;
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(await response.text()).toBe('');
});
