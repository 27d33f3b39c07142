import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import http from 'node:http';
import type { AttackerKnowledge } from './testing/malformed-bodies.ts';
import { createSeededRandom } from './testing/random.ts';
import { makeAttack, type Attack } from './testing/request-generator.ts';
import { isCouchError, findLeaks, type ObservedResponse } from './testing/leak-detector.ts';
import { startRecordedServer, type RecordedServer } from './testing/recorded-server.ts';
import { createShapeCheck } from './testing/upstream-request-shapes.ts';

/** The number of requests, their seed and their concurrency. `FUZZ_SEED` and `FUZZ_REQUESTS` override the defaults. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 6_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
const CONCURRENCY = 12;
/** A request without a response by then hangs. */
/** When the client aborts a live feed. */
const LIVE_ABORT_MS = 60;

let server: RecordedServer;
beforeAll(async () => {
  server = await startRecordedServer();
});
afterAll(() => server.close());

const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENCY });
afterAll(() => agent.destroy());

/** Resolves with the response, for a live feed up to its abort; with undefined when the connection closes without one. */
function sendAttack(attack: Attack): Promise<ObservedResponse | undefined> {
  return new Promise((resolve, reject) => {
    const { method, target: path, headers, body } = attack;
    const timeout = setTimeout(() => reject(new Error(`no response within ${MAX_WAIT_MS} ms`)), MAX_WAIT_MS);
    const abortTimer = attack.isLive ? setTimeout(() => request.destroy(), MAX_WAIT_MS / 2) : undefined;
    const settle = (observed: ObservedResponse | undefined): void => {
      clearTimeout(timeout);
      clearTimeout(abortTimer);
      resolve(observed);
    };
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    // The path is sent unchanged. Node's client rejects some characters, which the raw-socket tests cover.
    const request = http.request({
      port: server.port,
      host: '127.0.0.1',
      // Outside the gate's paths Node stops parsing a connection after an Upgrade request.
      agent: 'Upgrade' in headers ? false : agent,
      method,
      path,
      headers: { ...headers, ...length },
    });
    request.on('response', (response) => {
      const { statusCode: status = 0, statusMessage = '', rawHeaders } = response;
      let text = '';
      const observed = (): ObservedResponse => ({
        status,
        head: [`HTTP/1.1 ${status} ${statusMessage}`, ...rawHeaders].join('\n'),
        body: text,
      });
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('close', () => settle(observed()));
      if (attack.isLive) setTimeout(() => request.destroy(), LIVE_ABORT_MS);
    });
    request.on('upgrade', (_response, socket) => socket.destroy());
    request.on('error', () => settle(undefined));
    request.end(body);
  });
}

const statusOf = (response: ObservedResponse | undefined): string =>
  response === undefined ? 'none' : String(response.status);

/** Describes what is wrong with a response; undefined when nothing is. */
function findFault(attack: Attack, response: ObservedResponse): string | undefined {
  const leaks = findLeaks(server, response, attack.mentionsOthers);
  if (leaks.length > 0) return `leaks ${leaks.join(', ')}`;
  if (response.status >= 500) return 'is a 5xx';
  const isFromNode = response.body === '' && [400, 417, 431].includes(response.status);
  const isValid = response.status < 400 || attack.method === 'HEAD' || isFromNode || isCouchError(response.body);
  return isValid ? undefined : "is an error without CouchDB's shape";
}

const ownDocument = async (): Promise<AttackerKnowledge['own']> =>
  (await (await server.request('alice', '/user_alice')).json()) as AttackerKnowledge['own'];

test(`${REQUESTS} random requests of alice neither reveal nor change anything of bob's, and upstream requests are the gate's own`, async () => {
  const random = createSeededRandom(SEED);
  const faults: unknown[] = [];
  const statuses = new Map<string, number>();
  const token = server.token('alice');
  const badTokens = [
    '',
    'Bearer x.y.z',
    `Basic ${Buffer.from('Engine:').toString('base64')}`,
    server.authorization,
    `Bearer ${token}x`,
    `Bearer ${token}, Bearer ${token}`,
  ];
  let known: AttackerKnowledge = { own: await ownDocument(), names: server.names, token, badTokens };
  let sentCount = 0;

  const worker = async (): Promise<void> => {
    while (sentCount < REQUESTS && faults.length < 5) {
      sentCount += 1;
      const number = sentCount;
      if (number % 100 === 0) await server.bob.edit();
      if (number % 40 === 0) known = { ...known, own: await ownDocument() };
      const attack = makeAttack(random, known);
      const response = await sendAttack(attack).catch((error: unknown) => String(error));
      if (typeof response === 'string') faults.push({ number, attack, fault: response });
      else {
        statuses.set(statusOf(response), (statuses.get(statusOf(response)) ?? 0) + 1);
        const fault = response === undefined ? undefined : findFault(attack, response);
        if (fault !== undefined) faults.push({ number, attack, fault, response });
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));

  const check = createShapeCheck(server, 'alice');
  const shapes = new Map<string, number>();
  const problems: string[] = [];
  for (const recorded of server.upstreamRequests) {
    const verdict = check(recorded);
    if ('problem' in verdict) problems.push(verdict.problem);
    else shapes.set(verdict.shape, (shapes.get(verdict.shape) ?? 0) + 1);
  }
  process.stdout.write(
    `fuzz: ${sentCount} requests (seed ${SEED}), ${faults.length} leaks or other faults; ${server.upstreamRequests.length} requests to the database, ${problems.length} not built by the gate\n`,
  );
  expect({ seed: SEED, faults }).toEqual({ seed: SEED, faults: [] });
  expect({ seed: SEED, problems: problems.slice(0, 5) }).toEqual({ seed: SEED, problems: [] });
  const bobs = { _rev: server.bob.revisions.at(-1), preferences: { selectedTags: [server.bob.canary] } };
  expect(await server.bob.read()).toMatchObject([{ ok: bobs }]);

  // If all requests were rejected early, the test would prove nothing.
  expect(statuses.get('200')).toBeGreaterThan(REQUESTS / 20);
  expect(statuses.get('201')).toBeGreaterThan(REQUESTS / 100);
  expect(Array.from(shapes.keys()).sort()).toEqual([
    'bulk docs',
    'bulk get',
    'checkpoints',
    'checkpoints written',
    'document',
    'leaves',
    'merged revisions',
    'merged revisions written',
    'provision',
    'rights',
    'tree',
  ]);
  process.stdout.write(
    `fuzz: ${JSON.stringify({ statuses: Object.fromEntries(statuses), shapes: Object.fromEntries(shapes) })}\n`,
  );
});
