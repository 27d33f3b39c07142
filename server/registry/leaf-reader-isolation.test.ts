import fc from 'fast-check';
import {
  parseUsername,
  userDocumentId,
  type UserDocumentId,
} from '../../couchdb-design/user-document/user-document.ts';
import { connect } from '../upstream/client.ts';
import { createLeafReader, type LeafReader } from './leaf-reader.ts';
import { startFakeUpstream, type FakeUpstream } from '../testing/fake-couchdb.ts';

/** A batch never returns one user's leaves to another, whatever the upstream responds. */

const idOf = (name: string): UserDocumentId => {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username`);
  return userDocumentId(username);
};

/** Revisions that encode the id of their document, so that a mix-up is detected. */
const revOf = (id: string, nth: number): string => `${nth}-${Buffer.from(id).toString('hex')}`;
const ownerOf = (rev: string): string => Buffer.from(rev.slice(rev.indexOf('-') + 1), 'hex').toString();

/** How one row of a response is changed. */
const ROW_MUTATIONS = [
  'unchanged',
  'missing',
  'duplicate',
  'other case',
  'spaced',
  'encoded',
  'prefixed',
  'number',
  'other shape',
] as const;
type RowMutation = (typeof ROW_MUTATIONS)[number];

type Row = Readonly<Record<string, unknown>>;

function mutateRow(id: string, mutation: RowMutation): readonly Row[] {
  const row = (rowId: string, nth = 1): Row => ({ seq: '1-x', id: rowId, changes: [{ rev: revOf(rowId, nth) }] });
  switch (mutation) {
    case 'unchanged':
      return [row(id)];
    case 'missing':
      return [];
    case 'duplicate':
      return [row(id), row(id, 2)];
    case 'other case':
      return [row(id.toUpperCase()), row(`U${id.slice(1)}`)];
    case 'spaced':
      return [row(`${id} `), row(` ${id}`), row(`${id}\0`)];
    case 'encoded':
      return [row(encodeURIComponent(id).replaceAll('_', '%5F')), row(`${id}%00`)];
    case 'prefixed':
      return [row(`${id}x`), row(id.slice(0, -1)), row(`_local/${id}`)];
    case 'number':
    case 'other shape':
      return [{ seq: '1-x', id: mutation === 'number' ? 7 : [id], changes: [{ rev: revOf(id, 1) }] }];
  }
}

/** Builds the upstream's response to these ids. */
let respond: (ids: readonly string[]) => { readonly rows: readonly Row[]; readonly wait: number } = () => ({
  rows: [],
  wait: 0,
});
let upstream: FakeUpstream;
let read: LeafReader['read'];

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response, body) => {
    const { rows, wait } = respond((JSON.parse(body) as { doc_ids: string[] }).doc_ids);
    const send = (): void => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ results: rows, last_seq: '9-x', pending: 0 }));
    };
    // Delayed by some turns of the event loop, so that responses overtake each other.
    const turn = (left: number): void => {
      if (left > 0) setImmediate(turn, left - 1);
      else send();
    };
    turn(wait);
  });
  ({ read } = createLeafReader(connect(upstream.access), 'user_registry', { maxIds: () => 250 }));
});
afterAll(() => upstream.close());

/** Names that are easily confused, and random ones. */
const names = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom('a', 'aa', 'a.a', 'a-a', 'a_a', 'user_a', '0', '7', 'ax', 'constructor', 'hasownproperty'),
    fc.stringMatching(/^[a-z0-9][a-z0-9_.@+-]{0,8}$/),
  ),
  { minLength: 1, maxLength: 40 },
);
/** Documents that were not requested. */
const strangers = fc.array(
  fc.constantFrom('user_stranger', '_design/registry', '__proto__', 'constructor', '', 'user_', 'user_a '),
  { maxLength: 5 },
);

it('returns own leaves or none for extra, missing, duplicate, reordered and garbled rows in overtaking batches', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(names, { minLength: 1, maxLength: 4 }),
      strangers,
      fc.array(fc.nat(ROW_MUTATIONS.length - 1), { minLength: 1, maxLength: 20 }),
      fc.array(fc.nat(6), { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (groups, unrelated, choices, waits, reversed) => {
        let [rowCount, requestCount] = [0, 0];
        const nextMutation = (): RowMutation =>
          ROW_MUTATIONS[choices[(rowCount += 1) % choices.length] ?? 0] ?? 'unchanged';
        respond = (ids) => {
          // Includes rows of all other groups, as from a proxy that mixes responses up.
          const others = groups
            .flat()
            .map((name) => `user_${name}`)
            .filter((id) => !ids.includes(id));
          const rows = [
            ...[...unrelated, ...others].flatMap((id) => mutateRow(id, 'duplicate')),
            ...ids.flatMap((id) => mutateRow(id, nextMutation())),
          ];
          return { rows: reversed ? rows.reverse() : rows, wait: waits[(requestCount += 1) % waits.length] ?? 0 };
        };
        const reads: { readonly id: string; readonly state: Promise<Awaited<ReturnType<typeof read>> | undefined> }[] =
          [];
        for (const group of groups) {
          for (const name of group) {
            const id = idOf(name);
            reads.push({ id, state: read(id).catch(() => undefined) });
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        for (const { id, state } of reads) {
          for (const leaf of (await state)?.leaves ?? []) expect(ownerOf(leaf)).toBe(id);
        }
      },
    ),
    { numRuns: 150 },
  );
});

it('an invalid row rejects every read of its batch, also those with valid rows', async () => {
  respond = (ids) => ({ rows: ids.flatMap((id) => mutateRow(id, id === 'user_b' ? 'number' : 'unchanged')), wait: 0 });
  const states = await Promise.allSettled(['a', 'b', 'c'].map((name) => read(idOf(name))));
  expect(states.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});
