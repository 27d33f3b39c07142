import { startTestEngine, type TestEngine } from '../../testing/embedded-engine.ts';

let testEngine: TestEngine;
beforeAll(async () => {
  testEngine = await startTestEngine();
});
afterAll(() => testEngine.engine.close());

/** One read of each kind that takes several steps. */
const READS: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ['GET', ''],
  ['GET', '/doc-1?open_revs=all&revs=true'],
  ['GET', '/doc-2?conflicts=true&revs_info=true'],
  ['POST', '/_bulk_get?revs=true', { docs: [{ id: 'doc-1' }, { id: 'doc-2' }] }],
  ['POST', '/_revs_diff', { 'doc-1': [`1-${'a'.repeat(32)}`] }],
  ['GET', '/_changes?include_docs=true'],
  ['POST', '/_changes?filter=_doc_ids&include_docs=true', { doc_ids: ['doc-1', 'doc-2', 'doc-3'] }],
  ['GET', '/_changes?feed=longpoll&include_docs=true&since=0'],
];

it('returns the data or 404 for reads while their database is destroyed', async () => {
  const docs = Array.from({ length: 50 }, (_, n) => ({ _id: `doc-${n}`, text: 'x'.repeat(2_000) }));
  for (let round = 0; round < 10; round += 1) {
    const db = `/destroyed-${round}`;
    expect((await testEngine.asAdmin('PUT', db)).status).toBe(201);
    expect((await testEngine.asAdmin('POST', `${db}/_bulk_docs`, { docs })).status).toBe(201);
    const send = ([method, path, body]: (typeof READS)[number]) => testEngine.asAdmin(method, db + path, body);
    const statuses = new Set<number>();
    const early = Array.from({ length: 8 }, () => READS.map((read) => send(read))).flat();
    const destruction = testEngine.asAdmin('DELETE', db);
    const late = READS.map((read) => send(read));
    for (const { status } of await Promise.all([...early, ...late])) statuses.add(status);
    expect((await destruction).status).toBe(200);
    expect([...statuses].filter((status) => status !== 200 && status !== 404)).toEqual([]);
  }
});
