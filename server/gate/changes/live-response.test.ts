import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { parseUsername, userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { Hub } from '../../registry/hub.ts';
import { NO_DOCUMENT, type LeafState } from '../../registry/leaf-state.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import type { ChangesRequest } from './parse-request.ts';
import { LiveResponse, type LiveResponseDeps } from './live-response.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { stateToken } from '../../registry/state-token.ts';

const username = parseUsername('alice');
if (username === undefined) throw new Error('no username');
const caller = { username, ownId: userDocumentId(username), sessionId: undefined, expiresAt: Date.now() + 3_600_000 };
const request: ChangesRequest = {
  feed: 'continuous',
  since: '0',
  style: 'all_docs',
  includeDocs: true,
  conflicts: false,
  heartbeat: 1_000,
  timeout: 60_000,
  limit: Number.POSITIVE_INFINITY,
};
/** More than the system keeps for a connection is soon reached with rows of this size. */
const doc = { text: 'x'.repeat(512 * 1024) };
const stateOf = (generation: number): LeafState => ({
  leaves: [`${generation}-${generation.toString(16).padStart(32, '0')}`],
  deleted: false,
});

const timer = new TimerWheel();
const hub = new Hub({ read: () => Promise.resolve(NO_DOCUMENT) });
let dropped = 0;
const delivered: number[] = [];
const deps: LiveResponseDeps = {
  hub,
  timer,
  now: Date.now,
  readDoc: () => Promise.resolve(doc),
  readFreshState: () => Promise.resolve(NO_DOCUMENT),
  onDelivered: (seconds) => void delivered.push(seconds),
  onSlowReader: () => void (dropped += 1),
};

let server: Server;
let res: ServerResponse;
let client: Socket;
let received = '';

/** A client with one live answer; it does not read before it is told to. */
beforeEach(async () => {
  received = '';
  dropped = 0;
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const coming = once(server, 'request') as Promise<[unknown, ServerResponse]>;
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  client.setEncoding('latin1');
  client.on('data', (chunk: string) => (received += chunk));
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  [, res] = await coming;
});
afterEach(() => {
  client.destroy();
  server.close();
});
afterAll(() => timer.close());

/** Wakes until the connection takes no more; the generation that was told last then, and what waits to be sent. */
async function fill(answer: LiveResponse): Promise<{ last: number; unsent: number }> {
  let generation = 1;
  answer.start(stateOf(generation));
  await eventually(() => res.headersSent);
  while (!res.writableNeedDrain) {
    generation += 1;
    answer.wake(stateOf(generation), performance.now());
    await new Promise(setImmediate);
  }
  const unsent = res.writableLength;
  for (let more = 0; more < 100; more += 1) {
    generation += 1;
    answer.wake(stateOf(generation), performance.now());
    await new Promise(setImmediate);
  }
  expect(res.writableLength).toBeLessThanOrEqual(unsent);
  return { last: generation, unsent };
}

it('for a client that does not read one row waits, however much happens, and it is dropped', async () => {
  const answer = new LiveResponse(request, 'continuous', caller, res, deps);
  const { unsent } = await fill(answer);
  expect(unsent).toBeLessThan(2 * doc.text.length);
  expect([hub.size, dropped]).toEqual([1, 0]);
  await eventually(() => answer.isClosed);
  expect([hub.size, dropped, timer.size, res.destroyed]).toEqual([0, 1, 0, true]);
});

it('a client that reads again is told the newest state, once, and is not dropped', async () => {
  const answer = new LiveResponse(request, 'continuous', caller, res, deps);
  const { last } = await fill(answer);
  client.resume();
  const token = stateToken(stateOf(last));
  await eventually(() => received.includes(token));
  expect(received.split(token)).toHaveLength(2);
  // It goes on to live: the next heartbeats arrive, and so does the next change.
  const before = received.length;
  await eventually(() => received.length > before + 5);
  answer.wake(stateOf(last + 1), performance.now());
  await eventually(() => received.includes(stateToken(stateOf(last + 1))));
  expect([dropped, answer.isClosed, hub.size]).toEqual([0, false, 1]);
  client.destroy();
  await eventually(() => hub.size === 0);
  expect(timer.size).toBe(0);
});
