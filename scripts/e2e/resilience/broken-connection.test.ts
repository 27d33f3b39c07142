import { usernameOf } from '../../../couchdb-design/testing/arbitraries.ts';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import pino from 'pino';
import type { Waiter } from '../../../server/registry/hub.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';

/**
 * An exception in one live connection, for example because a framework has replaced a method of its response. It ends
 * neither the process nor another connection, and every loop over the connections continues with the next one.
 */

const HEARTBEAT_MS = 1_000;
const FEEDS = ['longpoll', 'continuous', 'eventsource', 'stream'] as const;
type Feed = (typeof FEEDS)[number];

let gate: TestGate;
let logged: string[] = [];
/** Connections stay open after a response, so that a response that has ended does not end with its connection. */
let agent: http.Agent;
const rejections: unknown[] = [];
const onRejection = (error: unknown): void => void rejections.push(error);

beforeEach(async () => {
  logged = [];
  agent = new http.Agent({ keepAlive: true });
  rejections.length = 0;
  process.on('unhandledRejection', onRejection);
  const log = pino({ level: 'error' }, { write: (line: string) => void logged.push(line) });
  gate = await startTestGate({}, { log, streamHeartbeatMs: HEARTBEAT_MS });
});
afterEach(async () => {
  agent.destroy();
  await gate.close();
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});

/** A client of one live response. */
interface Client {
  readonly text: () => string;
  /** How the response ended; undefined while it is open. */
  readonly outcome: () => 'complete' | 'cut' | undefined;
}

async function open(username: string, feed: Feed, since: string): Promise<Client> {
  const url =
    feed === 'stream'
      ? `${gate.url}/api/users/preferences/stream`
      : `${gate.database}/_changes?feed=${feed}&heartbeat=${HEARTBEAT_MS}&since=${since}`;
  const headers = { authorization: `Bearer ${gate.token(username)}`, 'last-event-id': since };
  const request = http.get(url, { agent, headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  let outcome: ReturnType<Client['outcome']>;
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  response.on('error', () => undefined).on('close', () => (outcome = response.complete ? 'complete' : 'cut'));
  return { text: () => text, outcome: () => outcome };
}

const sinceOf = async (username: string): Promise<string> =>
  ((await (await gate.request(username, '/_changes')).json()) as { last_seq: string }).last_seq;

const edit = async (username: string, theme: string): Promise<void> => {
  const response = await fetch(`${gate.url}/api/users/preferences`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${gate.token(username)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ theme }),
  });
  expect(response.status).toBe(200);
};

/** Makes a method of the response throw, with a getter also for `writableNeedDrain`. */
function breakMember(res: ServerResponse, member: string): void {
  const fail = (): never => {
    throw new Error(`${member} is broken`);
  };
  Object.defineProperty(res, member, member === 'writableNeedDrain' ? { get: fail } : { value: fail });
}

/** Opens three live requests of one user, in the order of the hub's loops, and breaks the second one. */
async function openWithBroken(username: string, feed: Feed, members: readonly string[]) {
  const { hub } = gate.pouchgate;
  const since = await sinceOf(username);
  const clients: Client[] = [];
  for (let count = 1; count <= 3; count += 1) {
    clients.push(await open(username, feed, since));
    await eventually(() => hub.size === count);
  }
  const waiter = hub.all()[1] as Waiter & { readonly res: ServerResponse };
  for (const member of members) breakMember(waiter.res, member);
  return { hub, waiter, healthy: [clients[0], clients[2]] as readonly Client[], broken: clients[1] };
}

const errorCount = (): number => logged.filter((line) => line.includes('is broken')).length;

describe.each(FEEDS)('%s', (feed) => {
  it('a change is sent on the other connections', async () => {
    const { hub, healthy, broken } = await openWithBroken('change', feed, ['write', 'end']);
    await edit('change', 'dark');
    await eventually(() => healthy.every((client) => client.text().includes(feed === 'stream' ? 'dark' : '"2-')));
    await eventually(() => broken?.outcome() === 'cut');
    expect(hub.size).toBe(feed === 'longpoll' ? 0 : 2);
    expect(errorCount()).toBe(1);
  });

  it('a failure before the first byte of a change closes only its connection', async () => {
    const { healthy, broken } = await openWithBroken('early', feed, ['writableNeedDrain']);
    await edit('early', 'dark');
    await eventually(() => healthy.every((client) => client.text().includes(feed === 'stream' ? 'dark' : '"2-')));
    await eventually(() => broken?.outcome() === 'cut');
    expect(errorCount()).toBe(1);
  });

  it('heartbeats are sent on the other connections', async () => {
    const { hub, healthy, broken } = await openWithBroken('beat', feed, ['write', 'end']);
    await eventually(() => broken?.outcome() === 'cut');
    const before = healthy.map((client) => client.text().length);
    await eventually(() => healthy.every((client, index) => client.text().length > (before[index] ?? 0) + 1));
    expect(hub.size).toBe(2);
    expect(errorCount()).toBe(1);
  });

  it('the end of access ends every connection', async () => {
    const { hub, healthy, broken } = await openWithBroken('ended', feed, ['write', 'end', 'writeHead']);
    hub.onRevocation({ kind: 'account', username: usernameOf('ended') });
    await eventually(() => healthy.every((client) => client.outcome() === 'complete'));
    await eventually(() => broken?.outcome() === 'cut');
    expect([hub.size, errorCount()]).toEqual([0, 1]);
  });

  it('a drain ends every connection, and finishes', async () => {
    const { hub, healthy } = await openWithBroken('drained', feed, ['write', 'end']);
    await gate.pouchgate.close();
    await eventually(() => healthy.every((client) => client.outcome() === 'complete'));
    expect([hub.size, errorCount()]).toEqual([0, 1]);
  });

  it('a connection whose response cannot be destroyed either is closed', async () => {
    const { hub, healthy, broken } = await openWithBroken('stuck', feed, ['write', 'end', 'destroy']);
    await edit('stuck', 'dark');
    await eventually(() => healthy.every((client) => client.text().includes(feed === 'stream' ? 'dark' : '"2-')));
    await eventually(() => hub.size === (feed === 'longpoll' ? 0 : 2));
    await eventually(() => broken?.outcome() === 'cut');
    expect(errorCount()).toBe(1);
  });

  it('a response that another handler ends is released, and not ended again', async () => {
    const { hub, waiter, healthy, broken } = await openWithBroken('foreign', feed, []);
    waiter.res.end('ended by a timeout');
    await edit('foreign', 'dark');
    await eventually(() => healthy.every((client) => client.text().includes(feed === 'stream' ? 'dark' : '"2-')));
    await eventually(() => hub.size === (feed === 'longpoll' ? 0 : 2));
    expect(broken?.outcome()).toBe('complete');
    expect(broken?.text()).toContain('ended by a timeout');
  });
});
