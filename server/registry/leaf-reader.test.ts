import fc from 'fast-check';
import {
  parseUsername,
  userDocumentId,
  type UserDocumentId,
} from '../../couchdb-design/user-document/user-document.ts';
import { connect } from '../upstream/client.ts';
import { createLeafReader } from './leaf-reader.ts';
import { startFakeUpstream, type FakeUpstream } from '../testing/fake-couchdb.ts';

const idOf = (name: string): UserDocumentId => {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username`);
  return userDocumentId(username);
};

interface Row {
  readonly id: string;
  readonly changes: readonly { rev: string }[];
  readonly deleted?: boolean;
}

const revOf = (id: string): string => `1-${Buffer.from(id).toString('hex').padStart(32, '0').slice(-32)}`;

/** Builds the upstream's rows for the requested ids. */
let rowsFor: (ids: readonly string[]) => readonly Row[] = () => [];
let respond: ((ids: readonly string[]) => { status: number; body: string } | undefined) | undefined;
let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response, body) => {
    const { doc_ids: ids } = JSON.parse(body) as { doc_ids: string[] };
    const reply = respond?.(ids);
    const results = rowsFor(ids).map((row, n) => ({ seq: `${n + 1}-x`, ...row }));
    response.writeHead(reply?.status ?? 200, { 'content-type': 'application/json' });
    response.end(reply?.body ?? JSON.stringify({ results, last_seq: '9-x', pending: 0 }));
  });
});
afterAll(() => upstream.close());
afterEach(() => {
  respond = undefined;
});

const createReader = (maxIds = 250): ReturnType<typeof createLeafReader> =>
  createLeafReader(connect(upstream.access), 'user_registry', { maxIds: () => maxIds });

it("returns only the requested document's row, for any order, extra rows and gaps of the response", async () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9_.@+-]{0,12}$/), { minLength: 1, maxLength: 30 });
  const strangers = fc.array(fc.stringMatching(/^user_[a-z]{1,6}$|^_design\/x$|^__proto__$/), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(
      names,
      strangers,
      fc.infiniteStream(fc.nat(2)),
      fc.boolean(),
      async (requested, unrelated, choices, reverse) => {
        const missing = new Set(requested.filter(() => choices.next().value === 0).map((name) => `user_${name}`));
        rowsFor = (ids) => {
          const rows = [...ids.filter((id) => !missing.has(id)), ...unrelated.filter((id) => !ids.includes(id))];
          return (reverse ? rows.reverse() : rows).map((id) => ({ id, changes: [{ rev: revOf(id) }] }));
        };
        const { read } = createReader();
        const states = await Promise.all(requested.map((name) => read(idOf(name))));
        expect(states.map(({ leaves }) => leaves)).toEqual(
          requested.map((name) => (missing.has(`user_${name}`) ? [] : [revOf(`user_${name}`)])),
        );
      },
    ),
    { numRuns: 60 },
  );
});

it.each([250, 100, 10])('many reads at once take few requests, each with at most %i distinct ids', async (maxIds) => {
  rowsFor = (ids) => ids.map((id) => ({ id, changes: [{ rev: revOf(id) }] }));
  const before = upstream.requests.length;
  const { read } = createReader(maxIds);
  const ids = Array.from({ length: 1_000 }, (_, n) => idOf(`n${n % 500}`));
  const states = await Promise.all(ids.map((id) => read(id)));
  expect(states.map(({ leaves }) => leaves[0])).toEqual(ids.map(revOf));
  const batches = upstream.requests
    .slice(before)
    .map(({ body }) => (JSON.parse(body) as { doc_ids: string[] }).doc_ids);
  expect(batches.length).toBeLessThanOrEqual(1_000 / maxIds);
  for (const batch of batches) {
    expect(batch.length).toBeLessThanOrEqual(maxIds);
    expect(new Set(batch).size).toBe(batch.length);
  }
});

it('a single read is sent alone and requests all leaves of its own id since 0', async () => {
  rowsFor = () => [{ id: 'user_solo', changes: [{ rev: '3-a' }, { rev: '2-b' }], deleted: true }];
  const before = upstream.requests.length;
  expect(await createReader().read(idOf('solo'))).toMatchObject({ leaves: ['3-a', '2-b'], deleted: true });
  const [request] = upstream.requests.slice(before);
  expect(request?.body).toBe('{"doc_ids":["user_solo"]}');
  expect(request?.url).toBe('/user_registry/_changes?filter=_doc_ids&style=all_docs&since=0');
});

it.each([
  [401, '{"error":"unauthorized","reason":"x"}', 502],
  [403, '{"error":"forbidden","reason":"x"}', 502],
  [500, '{"error":"x","reason":"x"}', 502],
  [503, '{"error":"x","reason":"x"}', 503],
  [429, '{"error":"x","reason":"x"}', 503],
  [200, '<html></html>', 502],
  [200, '{"results":{}}', 502],
  [200, '{"results":[{"id":"user_a","seq":1,"changes":[{}]}]}', 502],
  [200, '', 502],
])(
  'a response %i %s is %i for every read of its batch, and for none of the next',
  async (status, body, expectedStatus) => {
    rowsFor = () => [];
    respond = () => ({ status, body });
    const { read } = createReader();
    const results = await Promise.allSettled([read(idOf('a')), read(idOf('b'))]);
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: { status: expectedStatus } });
    respond = undefined;
    expect(await read(idOf('a'))).toEqual({ leaves: [], deleted: false });
  },
);
