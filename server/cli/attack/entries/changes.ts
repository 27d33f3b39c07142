import { getProperty, getString, parseJson } from '../../../lib/json.ts';
import { changesBodies, changesQueries } from '../generate/attack-cases.ts';
import type { ObservedResponse } from '../http/observed-response.ts';
import { withJson, type AttackEntry } from '../entry.ts';
import type { AttackContext } from '../context.ts';
import type { Probe } from '../probe.ts';

const OWN_ONLY = 'no row of another document';

/** `_changes` with parameters that request more than the own document. */
export const CHANGES: readonly AttackEntry[] = [
  {
    group: 'changes',
    request: 'GET _changes with filters, views and the id of <B>',
    expectation: OWN_ONLY,
    async run(probe, context) {
      for (const query of changesQueries(context.names))
        await expectOwnRows(probe, context, { method: 'GET', target: `${context.path}/_changes${query}` });
    },
  },
  {
    group: 'changes',
    request: 'POST _changes with the id of <B> in the body or query',
    expectation: OWN_ONLY,
    async run(probe, context) {
      const { path, names } = context;
      const queries = changesQueries(names);
      const bodies = changesBodies(names);
      for (const [index, query] of queries.entries()) {
        const body = bodies[index % bodies.length];
        await expectOwnRows(probe, context, withJson('POST', `${path}/_changes${query}`, body));
      }
      for (const body of bodies) {
        for (const query of ['', '?filter=_doc_ids&include_docs=true', '?include_docs=true&style=all_docs'])
          await expectOwnRows(probe, context, withJson('POST', `${path}/_changes${query}`, body));
      }
    },
  },
  {
    group: 'changes',
    request: '_changes since forged positions, and since that of user B',
    expectation: 'the same response as since a random position',
    async run(probe, { path, attacker, victim }) {
      const read = (since: string): Promise<ObservedResponse | undefined> =>
        probe.send({ method: 'GET', target: `${path}/_changes?since=${encodeURIComponent(since)}` });
      const of = async (user: typeof victim): Promise<string> =>
        lastSeq(await user.send({ method: 'GET', target: `${path}/_changes` }));
      const positions = [await of(victim), `1-${'0'.repeat(32)}`, '["x"]', '1'];
      const expected = await read(`9-${'f'.repeat(32)}`);
      for (const since of positions) {
        const response = await read(since);
        if (since !== (await of(attacker)) && response?.body !== expected?.body)
          probe.report(`GET _changes?since=${since}`, 'the response depends on a position that is not the own one');
      }
    },
  },
];

async function expectOwnRows(
  probe: Probe,
  { names }: AttackContext,
  request: Parameters<Probe['send']>[0],
): Promise<void> {
  // A query may ask for a live response.
  const response = await probe.send({ ...request, closeAfterMs: 1_000 });
  const results = getProperty(parseJson(response?.body ?? ''), 'results');
  const ids = Array.isArray(results) ? results.map((row) => getString(row, 'id')) : [];
  const foreign = ids.filter((id) => id !== undefined && id !== names.own.id);
  if (foreign.length > 0) probe.report(request, `a row of ${foreign.slice(0, 3).join(', ')}`);
}

/** The position after a response: a text of the gate or of CouchDB, a number of the embedded engine. */
export function lastSeq(response: ObservedResponse | undefined): string {
  const seq = getProperty(parseJson(response?.body ?? ''), 'last_seq');
  return typeof seq === 'string' || typeof seq === 'number' ? String(seq) : '0';
}
