import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { createSeededRandom } from '../../../server/cli/attack/generate/random.ts';
import {
  AttackGenerator,
  type Attack,
  type AttackerKnowledge,
} from '../../../server/cli/attack/generate/request-generator.ts';
import { HttpClient, type HttpOutcome } from '../../../server/cli/attack/http/http-client.ts';
import type { ObservedResponse } from '../../../server/cli/attack/http/observed-response.ts';
import { attackNames } from './testing/attack-names.ts';
import { isCouchError, findLeaks } from './testing/leak-detector.ts';
import { startRecordedServer, type RecordedServer } from './testing/recorded-server.ts';
import { createShapeCheck } from './testing/upstream-request-shapes.ts';

/** The number of requests, their seed and their concurrency. `FUZZ_SEED` and `FUZZ_REQUESTS` override the defaults. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 6_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
const CONCURRENCY = 12;
/** When the client aborts a live feed, in ms. */
const LIVE_ABORT_MS = 60;

let server: RecordedServer;
let client: HttpClient;
beforeAll(async () => {
  server = await startRecordedServer();
  const address = { hostname: '127.0.0.1', port: server.port, isSecure: false };
  client = new HttpClient(address, { maxConnections: CONCURRENCY, timeoutMs: MAX_WAIT_MS });
});
afterAll(async () => {
  client.close();
  await server.close();
});

/** Resolves with the response, for a live feed up to its abort. */
const sendAttack = ({ isLive, ...attack }: Attack): Promise<HttpOutcome> =>
  client.send({ ...attack, ...(isLive ? { closeAfterMs: LIVE_ABORT_MS } : {}) });

const statusOf = (outcome: HttpOutcome): string => (typeof outcome === 'string' ? outcome : String(outcome.status));

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
  const generator = new AttackGenerator(attackNames(server.names), createSeededRandom(SEED));
  let known: AttackerKnowledge = { own: await ownDocument(), token, badTokens };
  let sentCount = 0;

  const worker = async (): Promise<void> => {
    while (sentCount < REQUESTS && faults.length < 5) {
      sentCount += 1;
      const number = sentCount;
      if (number % 100 === 0) await server.bob.edit();
      if (number % 40 === 0) known = { ...known, own: await ownDocument() };
      const attack = generator.next(known);
      const outcome = await sendAttack(attack);
      statuses.set(statusOf(outcome), (statuses.get(statusOf(outcome)) ?? 0) + 1);
      if (typeof outcome === 'string') {
        if (outcome === 'timed-out' && !attack.isLive)
          faults.push({ number, attack, fault: `no response within ${MAX_WAIT_MS} ms` });
      } else {
        const fault = findFault(attack, outcome);
        if (fault !== undefined) faults.push({ number, attack, fault, response: outcome });
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
