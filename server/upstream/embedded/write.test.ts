import { startTestEngine, type TestEngine } from '../../testing/embedded-engine.ts';

let testEngine: TestEngine;
beforeAll(async () => {
  testEngine = await startTestEngine();
  await testEngine.asAdmin('PUT', '/shared');
});
afterAll(() => testEngine.engine.close());

const id = (n: number): string => n.toString(16).padStart(32, '0');

/** A branch of 1,000 revisions of which only the last has a body, as a client may forge it. */
const branch = (n: number): object => {
  const ids = Array.from({ length: 1_000 }, (_, depth) => id(n * 1_000 + depth));
  return { _id: 'forged', _rev: `1000-${ids[0] ?? ''}`, _revisions: { start: 1_000, ids } };
};
const push = (docs: readonly object[]): Promise<{ status: number; body: unknown }> =>
  testEngine.asAdmin('POST', '/shared/_bulk_docs', { new_edits: false, docs });

it('stores many deep branches without ancestor bodies, and one of them again', async () => {
  for (let n = 0; n < 15; n += 1) expect(await push([branch(n)])).toMatchObject({ status: 201, body: [] });
  expect(await push([branch(3)])).toMatchObject({ status: 201, body: [] });
});

it('validates a replicated revision against its nearest ancestor with a body, at any depth', async () => {
  await testEngine.asAdmin('PUT', '/shared/_design/judge', {
    validate_doc_update: `function (next, previous) {
      if (next._id === 'judged' && previous !== null && previous.locked) throw { forbidden: 'locked' };
    }`,
  });
  const root = id(7);
  const first = { _id: 'judged', _rev: `1-${root}`, _revisions: { start: 1, ids: [root] }, locked: true };
  expect(await push([first])).toMatchObject({ body: [] });
  const descendant = {
    _id: 'judged',
    _rev: `4-${id(11)}`,
    _revisions: { start: 4, ids: [id(11), id(10), id(9), root] },
  };
  expect(await push([descendant])).toMatchObject({ body: [{ id: 'judged', error: 'forbidden', reason: 'locked' }] });
});
