import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { isLeavesRead } from '../../testing/database-faults.ts';
import { startFrontedGate, type FrontedGate } from '../../testing/faulty-database-proxy.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import { startStream, type StreamClient } from '../../testing/sse-client.ts';

/** What may happen to a stream between the request and the first byte of its answer: the database takes its time. */

/** In ms, between two heartbeats. */
const BEAT = 100;

let fronted: FrontedGate;
let watch: StreamClient;
let release: () => void;

beforeAll(async () => {
  fronted = await startFrontedGate({ streamBeat: BEAT });
});
/** A stream that has begun; from then on no state can be read before `release`. */
beforeEach(async () => {
  const { gate, front } = fronted;
  watch = startStream({ url: gate.url, headers: { authorization: `Bearer ${gate.token('watch')}` } });
  await watch.event(({ name }) => name === 'heartbeat');
  const held = new Promise<void>((resolve) => (release = resolve));
  front.fault = async (request) => {
    if (isLeavesRead(request)) await held;
    return false;
  };
});
afterEach(() => {
  release();
  fronted.front.fault = undefined;
  watch.close();
});
afterAll(() => fronted.close());

/** Resolved once the stream of `username` waits for its state, and with its answer. */
async function ask(username: string): Promise<{ readonly answer: Promise<Response> }> {
  const { gate, front } = fronted;
  const headers = { authorization: `Bearer ${gate.token(username)}` };
  const before = front.requests.length;
  const answer = fetch(`${gate.url}/api/users/preferences/stream`, { headers });
  await eventually(() => front.requests.slice(before).some((asked) => asked.includes('filter=_doc_ids')));
  return { answer };
}

const beats = (): number => watch.events.filter(({ name }) => name === 'heartbeat').length;

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
  const { answer } = await ask('slow');
  const before = beats();
  await eventually(() => beats() >= before + 3);
  release();
  const response = await answer;
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const names = (await textUntil(response, 'heartbeat')).match(/(?<=^event: ).*$/gm);
  expect(names).toEqual(['connected', 'preference-update', 'heartbeat']);
});

test('one whose right ends before it begins is an empty stream, at once', async () => {
  const username = fronted.upstream.account('gone');
  const { answer } = await ask(username);
  await fronted.gate.pouchgate.identity.accounts.suspend(parseUsername(username) as Username);
  const response = await answer;
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(await response.text()).toBe('');
});
