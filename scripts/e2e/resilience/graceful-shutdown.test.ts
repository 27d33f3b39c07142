import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { createInterface } from 'node:readline';
import jwt from 'jsonwebtoken';
import { startFaultyProxy, type FaultyProxy } from '../../../server/testing/faulty-database-proxy.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { spawnServer } from '../testing/server-process.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

const SECRET = randomBytes(32).toString('base64url');
const USER_COUNT = 50;
const DRAIN_SECONDS = 2;

interface ServerProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** Its output, line by line. */
  readonly lines: readonly string[];
}

let upstream: TestUpstream;
let proxy: FaultyProxy;
let server: ServerProcess | undefined;

beforeEach(async () => {
  upstream = await startTestUpstream();
  proxy = await startFaultyProxy(upstream);
});
afterEach(async () => {
  if (server?.child.exitCode === null) server.child.kill('SIGKILL');
  server = undefined;
  await proxy.close();
  await upstream.close();
});

/** Starts the real process like `npm start`, on the database of this test. */
async function startServer(extraEnv: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const { child, stdout } = spawnServer({
    ...upstream.env(proxy.access),
    PORT: '0',
    METRICS_PORT: 'off',
    JWT_SECRET: SECRET,
    DRAIN_SECONDS: String(DRAIN_SECONDS),
    ...extraEnv,
  });
  const lines: string[] = [];
  createInterface({ input: stdout }).on('line', (line) => lines.push(line));
  const addressPattern = /^Pouchgate is at (\S+)$/;
  await eventually(() => lines.some((line) => addressPattern.test(line)));
  return {
    child,
    url: lines.map((line) => addressPattern.exec(line)?.[1]).find((address) => address !== undefined) ?? '',
    lines,
  };
}

const waitForExit = async ({ child }: ServerProcess): Promise<number | null> =>
  child.exitCode ?? ((await once(child, 'exit')) as [number | null])[0];

interface CompletedResponse {
  readonly status: number;
  readonly text: string;
  readonly connection: string | undefined;
  /** End of the response, in ms. */
  readonly endedAtMs: number;
}

/** Sends one request. Rejects when the response is incomplete. */
function sendRequest(
  { url }: ServerProcess,
  agent: http.Agent,
  username: string,
  path: string,
  init: { readonly method?: string; readonly body?: unknown; readonly onText?: (text: string) => void } = {},
): Promise<CompletedResponse> {
  const { method = 'GET', body, onText } = init;
  const headers = {
    authorization: `Bearer ${jwt.sign({ sub: username }, SECRET, { expiresIn: 3_600 })}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/sync/${upstream.names.registry}${path}`, { agent, method, headers });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        onText?.(text);
      });
      response.on('error', reject);
      response.on('end', () => {
        if (!response.complete) reject(new Error('incomplete response'));
        const { connection } = response.headers;
        resolve({ status: response.statusCode ?? 0, text, connection, endedAtMs: performance.now() });
      });
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const createSingleConnectionAgent = (): http.Agent => new http.Agent({ keepAlive: true, maxSockets: 1 });

interface ChangesPoller {
  /** Whether a longpoll has been pending for longer than an empty response is delayed. */
  readonly isParked: () => boolean;
  readonly responses: CompletedResponse[];
  /** Resolves with the error that ended the polling. */
  readonly failure: Promise<unknown>;
}

/** Polls for changes over one connection, as PouchDB does. */
function pollChanges(to: ServerProcess, username: string): ChangesPoller {
  const agent = createSingleConnectionAgent();
  const responses: CompletedResponse[] = [];
  let parked = false;
  const follow = async (): Promise<never> => {
    for (;;) {
      const path = '/_changes?feed=longpoll&style=all_docs&since=now&heartbeat=1000';
      // The second newline is a heartbeat, one second after the first.
      const onText = (text: string): void => void (parked ||= text.split('\n').length > 2);
      responses.push(await sendRequest(to, agent, username, path, { onText }));
    }
  };
  return { isParked: () => parked, responses, failure: follow().catch((error: unknown) => error) };
}

/** Delays all writes to the database until `release`. */
function holdWrites(): { readonly arrived: () => number; readonly release: () => void } {
  let arrived = 0;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  proxy.fault = async ({ url }) => {
    if (url?.endsWith('/_bulk_docs') === true) {
      arrived += 1;
      await released;
    }
    return false;
  };
  return { arrived: () => arrived, release };
}

async function writeTag(
  to: ServerProcess,
  agent: http.Agent,
  username: string,
  tag: string,
): Promise<CompletedResponse> {
  const path = `/user_${username}`;
  const doc = JSON.parse((await sendRequest(to, agent, username, path)).text) as Record<string, unknown>;
  return sendRequest(to, agent, username, path, {
    method: 'PUT',
    body: { ...doc, preferences: { selectedTags: [tag] } },
  });
}

const readStoredTags = async (username: string): Promise<unknown> => {
  const doc: unknown = await upstream.registry().get(`user_${username}`);
  return (doc as { preferences: { selectedTags?: string[] } }).preferences.selectedTags;
};

it('on SIGTERM, finishes writes, ends live requests one after the other with empty responses, and loses nothing', async () => {
  const started = await startServer();
  server = started;
  const live = Array.from({ length: USER_COUNT }, (_, n) => pollChanges(started, `user${n}`));
  await eventually(() => live.every(({ isParked }) => isParked()));

  // One user writes continuously and records what was acknowledged. Another has a pending write at the signal.
  const busyAgent = createSingleConnectionAgent();
  const acknowledged: string[] = [];
  const writing = (async () => {
    for (let n = 0; ; n += 1)
      if ((await writeTag(started, busyAgent, 'busy', `tag ${n}`)).status === 201) acknowledged.push(`tag ${n}`);
  })().catch((error: unknown) => error);
  await eventually(() => acknowledged.length > 5);
  const { arrived, release } = holdWrites();
  const slow = writeTag(started, createSingleConnectionAgent(), 'slow', 'pending');
  // The busy user's next write is delayed as well.
  await eventually(() => arrived() === 2);

  started.child.kill('SIGTERM');
  await eventually(() => live.some(({ responses }) => responses.length > 0));
  release();
  expect(await slow).toMatchObject({ status: 201, connection: 'close' });
  expect(await waitForExit(started)).toBe(0);

  expect(await readStoredTags('slow')).toEqual(['pending']);
  await writing;
  const [stored] = (await readStoredTags('busy')) as [string];
  const lastAcknowledged = acknowledged.at(-1);
  // The last write may have been stored without a response. Every acknowledged one is stored.
  expect([lastAcknowledged, `tag ${acknowledged.length}`]).toContain(stored);

  const failures = await Promise.all(live.map(({ failure }) => failure));
  for (const failure of failures)
    expect(failure).toMatchObject({ code: expect.stringMatching(/^ECONN(REFUSED|RESET)$/) as unknown });
  for (const { responses } of live) {
    expect(responses.length).toBeGreaterThan(0);
    for (const { status, text } of responses) {
      expect(status).toBe(200);
      expect(JSON.parse(text)).toEqual({ results: [], last_seq: expect.any(String) as unknown, pending: 0 });
    }
  }
  const ends = live.map(({ responses }) => responses[0]?.endedAtMs ?? 0).sort((a, b) => a - b);
  const [first = 0] = ends;
  const quarters = [0, 1, 2, 3].map((quarter) => {
    const [from, to] = [quarter, quarter + 1].map((n) => first + (n * DRAIN_SECONDS * 1000) / 4);
    return ends.filter((at) => at >= (from ?? 0) && at < (to ?? 0)).length;
  });
  // An even distribution is a quarter in each. A busy machine may shift some.
  for (const count of quarters.slice(0, 3)) expect(count).toBeGreaterThan(0);
  expect(Math.max(...quarters)).toBeLessThan(USER_COUNT / 2);
});

it('exits at once on a second signal', async () => {
  const started = await startServer();
  server = started;
  const { arrived } = holdWrites();
  const slow = writeTag(started, createSingleConnectionAgent(), 'slow', 'never').catch((error: unknown) => error);
  await eventually(() => arrived() === 1);
  started.child.kill('SIGTERM');
  await eventually(() => started.lines.some((line) => line.includes('"Draining."')));
  started.child.kill('SIGINT');
  expect(await waitForExit(started)).toBe(1);
  expect(await slow).toMatchObject({ code: 'ECONNRESET' });
});

it('serves everything during the drain lead time while /readyz is 503, and a second signal ends that time', async () => {
  const started = await startServer({ DRAIN_LEAD_SECONDS: '300', DRAIN_SECONDS: '0' });
  server = started;
  const readiness = async (): Promise<number> => (await fetch(`${started.url}/readyz`)).status;
  await eventually(async () => (await readiness()) === 200);
  const before = pollChanges(started, 'before');
  await eventually(() => before.isParked());

  started.child.kill('SIGTERM');
  await eventually(async () => (await readiness()) === 503);
  // Both arrive on new connections. The write is the last one on its connection.
  const after = pollChanges(started, 'after');
  await eventually(() => after.isParked());
  const agents = [createSingleConnectionAgent(), createSingleConnectionAgent()] as const;
  expect(await writeTag(started, agents[0], 'before', 'one')).toMatchObject({ status: 201, connection: 'close' });
  expect(await writeTag(started, agents[1], 'after', 'two')).toMatchObject({ status: 201, connection: 'close' });
  await eventually(() => [before, after].every(({ responses }) => responses.length > 0));
  for (const { responses } of [before, after]) {
    expect(JSON.parse(responses[0]?.text ?? '')).toMatchObject({ results: [{ changes: [{}] }] });
  }
  expect(started.child.exitCode).toBeNull();

  started.child.kill('SIGTERM');
  expect(await waitForExit(started)).toBe(0);
  expect(await readStoredTags('after')).toEqual(['two']);
});
