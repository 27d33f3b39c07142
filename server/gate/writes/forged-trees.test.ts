/** What a user can store with forged revision trees, on the real database: the tree and the owner's reads stay small. */
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
  closeAfterTests(gate);
});

type Row = Readonly<Record<string, unknown>>;
const hex = (n: number): string => n.toString(16).padStart(32, '0');
let counter = 0;
/** Returns new ids. */
const idsOf = (count: number): string[] => Array.from({ length: count }, () => hex((counter += 1)));

const ROWS = 33;
const PATH = 1_000;

const push = async (user: string, docs: readonly Row[]): Promise<readonly unknown[]> => {
  const body = { new_edits: false, docs };
  const response = await gate.request(user, '/_bulk_docs', { method: 'POST', body });
  expect(response.status).toBe(201);
  return (await response.json()) as readonly unknown[];
};

/** Returns the leaves in the database, with their paths. */
async function storedLeaves(user: string): Promise<readonly { _revisions: { ids: string[] }; _deleted?: true }[]> {
  const rows: unknown = await gate.registry().get(`user_${user}`, { open_revs: 'all', revs: true } as never);
  return (rows as { ok: { _revisions: { ids: string[] }; _deleted?: true } }[]).map(({ ok }) => ok);
}

interface Current {
  readonly document: Row;
  readonly start: number;
  readonly id: string;
}

async function current(user: string): Promise<Current> {
  const document = (await (await gate.request(user, `/user_${user}`)).json()) as Row & { readonly _rev: string };
  const [generation = '', id = ''] = document._rev.split('-');
  const { _rev, ...body } = document;
  expect(_rev).toBe(`${generation}-${id}`);
  return { document: body, start: Number(generation), id };
}

const row = (document: Row, start: number, ids: readonly string[]): Row => ({
  ...document,
  _rev: `${start}-${ids[0] ?? ''}`,
  _revisions: { start, ids },
});

const KINDS: Readonly<Record<string, (current: Current) => readonly Row[]>> = {
  'revisions that each extend the one before, with other ancestors below it': ({ document, start, id }) => {
    let [generation, parent] = [start, id];
    return Array.from({ length: ROWS }, () => {
      generation += 1;
      const [own = '', ...forged] = idsOf(PATH);
      const ids = [own, parent, ...forged].slice(0, Math.min(PATH, generation));
      parent = own;
      return row(document, generation, ids);
    });
  },
  'revisions that each extend the one before by many': ({ document, start, id }) => {
    let [generation, parent] = [start, id];
    return Array.from({ length: ROWS }, () => {
      generation += PATH - 1;
      const ids = [...idsOf(PATH - 1), parent];
      parent = ids[0] ?? '';
      return row(document, generation, ids);
    });
  },
  'branches that have nothing in common': ({ document, start }) =>
    Array.from({ length: ROWS }, () => row(document, start + PATH, idsOf(PATH))),
  'deletions of branches': ({ document, start }) =>
    Array.from({ length: ROWS }, () => row({ _id: document['_id'], _deleted: true }, start + PATH, idsOf(PATH))),
};

let users = 0;
it.each(Object.entries(KINDS))('three batches of %s leave one path', async (_name, forge) => {
  const user = gate.upstream.accountName(`forger${(users += 1)}`);
  // A generation that leaves room for forged ancestors.
  const { document, start, id } = await current(user);
  await push(user, [row(document, start + PATH - 1, [...idsOf(PATH - 1), id])]);
  for (let batch = 0; batch < 3; batch += 1) await push(user, forge(await current(user)));
  const leaves = await storedLeaves(user);
  expect(leaves).toHaveLength(1);
  expect(leaves[0]?._revisions.ids.length).toBeLessThanOrEqual(PATH);
  const read = await gate.request(user, `/user_${user}?open_revs=all&revs=true`);
  expect((await read.text()).length).toBeLessThan(PATH * 40);
});

it('the first batch of a user leaves one path, which starts at most 1,000 revisions below the first leaf', async () => {
  const user = gate.upstream.accountName(`first${(users += 1)}`);
  const { document } = await current(gate.upstream.accountName(`template${users}`));
  const own = { ...document, _id: `user_${user}`, username: user };
  const longest = Array.from({ length: ROWS }, (_, n) => row(own, 9_000 + n, idsOf(3_000)));
  expect(await push(user, longest)).toEqual([]);
  const leaves = await storedLeaves(user);
  expect(leaves).toHaveLength(1);
  expect(leaves[0]?._revisions.ids.length).toBeLessThanOrEqual(PATH);
});

it('what is sent to the database is in proportion to what is new', async () => {
  const user = gate.upstream.accountName(`sent${(users += 1)}`);
  const { document, start, id } = await current(user);
  const long = [...idsOf(PATH - 1), id];
  expect(await push(user, [row(document, start + PATH - 1, long)])).toEqual([]);
  const before = gate.upstreamRequests.length;
  // An edit of a device that has the whole path.
  const [edited = ''] = idsOf(1);
  expect(await push(user, [row(document, start + PATH, [edited, ...long].slice(0, PATH))])).toEqual([]);
  // A small row with a forged generation.
  expect(await push(user, [row({ ...document, preferences: { theme: 'dark' } }, start + 4_000, idsOf(1))])).toEqual([]);
  const sizes = gate.upstreamRequests
    .slice(before)
    .filter(({ method, url }) => method === 'POST' && url.endsWith('/_bulk_docs'))
    .map(({ body }) => body.length);
  expect(sizes).toHaveLength(2);
  expect(Math.max(...sizes)).toBeLessThan(1_000);
});
