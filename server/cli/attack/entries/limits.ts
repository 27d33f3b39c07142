import { withJson, type AttackEntry } from '../entry.ts';
import type { AttackContext } from '../context.ts';
import type { AttackRequest, Probe } from '../probe.ts';

/** What a request that is refused for its size may take, in ms. */
const MAX_REFUSAL_MS = 5_000;
/** How long the next request of the other user may take, in ms. */
const MAX_NEXT_MS = 2_000;

const REFUSED = `4xx within ${MAX_REFUSAL_MS / 1_000} s, and then a usual response to user B`;
const digest = (n: number): string => n.toString(16).padStart(32, '0');
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** Requests that are expensive for a server without limits. Each is sent once, and is small enough to harm none. */
export const LIMITS: readonly AttackEntry[] = [
  limit('JSON that is nested 50,000 levels deep, to each endpoint', ({ path, names, target: { api } }) => {
    const body = nested(50_000);
    const own = encodeURIComponent(names.own.id);
    return [
      ...['_bulk_get', '_revs_diff', '_bulk_docs'].map((endpoint) =>
        raw('POST', `${path}/${endpoint}`, `{"docs":${body}}`),
      ),
      raw('PUT', `${path}/${own}`, `{"_id":${JSON.stringify(names.own.id)},"x":${body}}`),
      raw(
        'PATCH',
        `${api}/users/preferences`,
        '{"a":'.repeat(8_000) + '1' + '}'.repeat(8_000),
        'application/merge-patch+json',
      ),
    ];
  }),
  limit('a body of 3 MB of ids', ({ path }) => {
    const docs = Array.from({ length: 30_000 }, (_, n) => ({ id: `user_${digest(n)}`, rev: `1-${digest(n)}` }));
    return [withJson('POST', `${path}/_bulk_get`, { docs })];
  }),
  limit('40,000 revisions of one document in _revs_diff', ({ path, names }) => {
    const revisions = Array.from({ length: 40_000 }, (_, n) => `${(n % 900) + 1}-${digest(n)}`);
    return [withJson('POST', `${path}/_revs_diff`, { [names.own.id]: revisions })];
  }),
  limit('20,000 own rows in one batch', ({ path, names }) => {
    const row = { _id: names.own.id, _rev: `1-${digest(1)}`, _deleted: true };
    return [
      withJson('POST', `${path}/_bulk_docs`, { docs: Array.from({ length: 20_000 }, () => row), new_edits: false }),
    ];
  }),
  limit('a path of 20,000 revisions', ({ path, names }) => {
    const ids = Array.from({ length: 20_000 }, (_, n) => digest(n));
    const row = { _id: names.own.id, _rev: `20000-${digest(0)}`, _revisions: { start: 20_000, ids } };
    return [withJson('POST', `${path}/_bulk_docs`, { docs: [row], new_edits: false })];
  }),
  limit('a document of 200 kB', ({ path, attacker, names }) => {
    const { document } = attacker;
    const preferences = { padding: 'x'.repeat(200_000) };
    return [withJson('PUT', `${path}/${encodeURIComponent(names.own.id)}`, { ...document, preferences })];
  }),
  limit('200 kB in one header line, and a request target of 100 kB', ({ path }) => [
    { method: 'GET', target: `${path}/`, headers: { 'X-Long': 'x'.repeat(200_000) } },
    { method: 'GET', target: `${path}/${'x'.repeat(100_000)}` },
  ]),
  limit('a compressed body', ({ path, names }) => [
    withJson('POST', `${path}/_bulk_get`, { docs: [{ id: names.other.id }] }, { 'Content-Encoding': 'gzip' }),
  ]),
];

const raw = (method: string, target: string, body: string, type = 'application/json'): AttackRequest => ({
  method,
  target,
  headers: { 'Content-Type': type },
  body,
});

function limit(request: string, makeRequests: (context: AttackContext) => readonly AttackRequest[]): AttackEntry {
  return {
    group: 'limits',
    request,
    expectation: REFUSED,
    async run(probe, context) {
      for (const each of makeRequests(context)) {
        const startedAt = performance.now();
        await probe.expectRefusal(each);
        const tookMs = Math.round(performance.now() - startedAt);
        if (tookMs > MAX_REFUSAL_MS) probe.report(each, `took ${tookMs} ms`);
        await expectUsualResponse(probe, context, each);
      }
    },
  };
}

/** The other user's next request is answered without delay. */
async function expectUsualResponse(
  probe: Probe,
  { victim, path }: AttackContext,
  request: AttackRequest,
): Promise<void> {
  const startedAt = performance.now();
  const response = await victim.send({ method: 'GET', target: `${path}/_changes?filter=_doc_ids` });
  const tookMs = Math.round(performance.now() - startedAt);
  if (response === undefined || response.status >= 500) probe.report(request, 'afterwards user B gets no response');
  else if (tookMs > MAX_NEXT_MS) probe.report(request, `afterwards a request of user B takes ${tookMs} ms`);
}
