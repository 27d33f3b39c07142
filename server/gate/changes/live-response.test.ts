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
  isBounded: false,
  limit: Number.POSITIVE_INFINITY,
};
/** Rows of this size soon fill the operating system's socket buffers. */
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
  onError: (error) => {
    throw error;
  },
};

let server: Server;
let res: ServerResponse;
let client: Socket;
let received = '';

/** A client with one live response. Its socket is paused, so it does not read until `resume`. */
beforeEach(async () => {
  received = '';
  dropped = 0;
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const arrival = once(server, 'request') as Promise<[unknown, ServerResponse]>;
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  client.setEncoding('latin1');
  client.on('data', (chunk: string) => (received += chunk));
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  [, res] = await arrival;
});
afterEach(() => {
  client.destroy();
  server.close();
});
afterAll(() => timer.close());

/** Wakes until the socket buffer is full and 100 times more. Returns the last generation and the unsent bytes. */
async function fill(response: LiveResponse): Promise<{ last: number; unsent: number }> {
  let generation = 1;
  response.start(stateOf(generation));
  await eventually(() => res.headersSent);
  while (!res.writableNeedDrain) {
    generation += 1;
    response.wake(stateOf(generation), performance.now());
    await new Promise(setImmediate);
  }
  const unsent = res.writableLength;
  for (let extra = 0; extra < 100; extra += 1) {
    generation += 1;
    response.wake(stateOf(generation), performance.now());
    await new Promise(setImmediate);
  }
  expect(res.writableLength).toBeLessThanOrEqual(unsent);
  return { last: generation, unsent };
}

it('buffers at most one row for a client that does not read, and drops it', async () => {
  const response = new LiveResponse(request, 'continuous', caller, res, deps);
  const { unsent } = await fill(response);
  expect(unsent).toBeLessThan(2 * doc.text.length);
  expect([hub.size, dropped]).toEqual([1, 0]);
  await eventually(() => response.isClosed);
  expect([hub.size, dropped, timer.size, res.destroyed]).toEqual([0, 1, 0, true]);
});

it('sends the latest state once to a client that reads again, and does not drop it', async () => {
  const response = new LiveResponse(request, 'continuous', caller, res, deps);
  const { last } = await fill(response);
  client.resume();
  const token = stateToken(stateOf(last));
  await eventually(() => received.includes(token));
  expect(received.split(token)).toHaveLength(2);
  // The response stays live: further heartbeats and the next change arrive.
  const before = received.length;
  await eventually(() => received.length > before + 5);
  response.wake(stateOf(last + 1), performance.now());
  await eventually(() => received.includes(stateToken(stateOf(last + 1))));
  expect([dropped, response.isClosed, hub.size]).toEqual([0, false, 1]);
  client.destroy();
  await eventually(() => hub.size === 0);
  expect(timer.size).toBe(0);
});
