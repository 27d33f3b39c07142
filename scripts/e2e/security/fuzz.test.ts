import http from 'node:http';
import type { AttackerKnowledge } from './testing/malformed-bodies.ts';
import { createSeededRandom } from './testing/random.ts';
import { makeAttack, type Attack } from './testing/request-generator.ts';
import { isCouchError, findLeaks, type ObservedResponse } from './testing/leak-detector.ts';
import { startRecordedServer, type RecordedServer } from './testing/recorded-server.ts';
import { createShapeCheck } from './testing/upstream-request-shapes.ts';

/** How many requests are tried, of which seed, and how many at a time. `FUZZ_SEED` and `FUZZ_REQUESTS` give others. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 6_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
const CONCURRENCY = 12;
/** In ms: what is not answered by then hangs; a live feed is cut by the client after the other. */
const TIMEOUT_MS = 15_000;
const LIVE_CUT_MS = 60;

let server: RecordedServer;
beforeAll(async () => {
  server = await startRecordedServer();
});
afterAll(() => server.close());

const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENCY });
afterAll(() => agent.destroy());

/** What came back of a request; a live feed's is what came until it was cut. Undefined: the connection ended without. */
function sendAttack(attack: Attack): Promise<ObservedResponse | undefined> {
  return new Promise((resolve, reject) => {
    const { method, target: path, headers, body } = attack;
    const timeout = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    const cut = attack.isLive ? setTimeout(() => request.destroy(), TIMEOUT_MS / 2) : undefined;
    const settle = (seen: ObservedResponse | undefined): void => {
      clearTimeout(timeout);
      clearTimeout(cut);
      resolve(seen);
    };
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    // The path as it is: Node's own refusal of odd characters is the client's, and raw sockets try those.
    const request = http.request({
      port: server.port,
      host: '127.0.0.1',
      // Outside the gate's own paths Node's parser is lost on a connection that asked for another protocol.
      agent: 'Upgrade' in headers ? false : agent,
      method,
      path,
      headers: { ...headers, ...length },
    });
    request.on('response', (answer) => {
      const { statusCode: status = 0, statusMessage = '', rawHeaders } = answer;
      let text = '';
      const observed = (): ObservedResponse => ({
        status,
        head: [`HTTP/1.1 ${status} ${statusMessage}`, ...rawHeaders].join('\n'),
        body: text,
      });
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('close', () => settle(observed()));
      if (attack.isLive) setTimeout(() => request.destroy(), LIVE_CUT_MS);
    });
    request.on('upgrade', (_answer, socket) => socket.destroy());
    request.on('error', () => settle(undefined));
    request.end(body);
  });
}

const statusOf = (seen: ObservedResponse | undefined): string => (seen === undefined ? 'none' : String(seen.status));

/** What is wrong with an answer; undefined: nothing. */
function findFault(attack: Attack, seen: ObservedResponse): string | undefined {
  const leaks = findLeaks(server, seen, attack.mentionsOthers);
  if (leaks.length > 0) return `tells ${leaks.join(', ')}`;
  if (seen.status >= 500) return 'is a whole 5xx';
  const isNodes = seen.body === '' && [400, 417, 431].includes(seen.status);
  const isTold = seen.status < 400 || attack.method === 'HEAD' || isNodes || isCouchError(seen.body);
  return isTold ? undefined : "is an error that is not in CouchDB's shape";
}

const ownDocument = async (): Promise<AttackerKnowledge['own']> =>
  (await (await server.request('alice', '/user_alice')).json()) as AttackerKnowledge['own'];

test(`${REQUESTS} random requests of alice's tell and change nothing of bob's, and the database sees what the gate builds`, async () => {
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
  let tried = 0;

  const worker = async (): Promise<void> => {
    while (tried < REQUESTS && faults.length < 5) {
      tried += 1;
      const number = tried;
      if (number % 100 === 0) await server.bob.edit();
      if (number % 40 === 0) known = { ...known, own: await ownDocument() };
      const attack = makeAttack(random, known);
      const seen = await sendAttack(attack).catch((error: unknown) => String(error));
      if (typeof seen === 'string') faults.push({ number, attack, fault: seen });
      else {
        statuses.set(statusOf(seen), (statuses.get(statusOf(seen)) ?? 0) + 1);
        const fault = seen === undefined ? undefined : findFault(attack, seen);
        if (fault !== undefined) faults.push({ number, attack, fault, seen });
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));

  const check = createShapeCheck(server, 'alice');
  const shapes = new Map<string, number>();
  const odd: string[] = [];
  for (const recorded of server.upstreamRequests) {
    const verdict = check(recorded);
    if ('wrong' in verdict) odd.push(verdict.wrong);
    else shapes.set(verdict.shape, (shapes.get(verdict.shape) ?? 0) + 1);
  }
  process.stdout.write(
    `fuzz: ${tried} requests (seed ${SEED}), ${faults.length} leaks or other faults; ${server.upstreamRequests.length} requests to the database, ${odd.length} not of the gate's making\n`,
  );
  expect({ seed: SEED, faults }).toEqual({ seed: SEED, faults: [] });
  expect({ seed: SEED, odd: odd.slice(0, 5) }).toEqual({ seed: SEED, odd: [] });
  const bobs = { _rev: server.bob.revisions.at(-1), preferences: { selectedTags: [server.bob.canary] } };
  expect(await server.bob.read()).toMatchObject([{ ok: bobs }]);

  // A fuzz whose requests were all turned away at the door would prove nothing.
  expect(statuses.get('200')).toBeGreaterThan(REQUESTS / 20);
  expect(statuses.get('201')).toBeGreaterThan(REQUESTS / 100);
  expect(Array.from(shapes.keys()).sort()).toEqual([
    'bulk docs',
    'bulk get',
    'checkpoints',
    'checkpoints kept',
    'document',
    'leaves',
    'provision',
    'revs diff',
    'rights',
    'tree',
  ]);
  process.stdout.write(
    `fuzz: ${JSON.stringify({ statuses: Object.fromEntries(statuses), shapes: Object.fromEntries(shapes) })}\n`,
  );
}, 120_000);
