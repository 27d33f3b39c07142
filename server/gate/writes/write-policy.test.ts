import fc from 'fast-check';
import { preferencesStandardSchema } from '../../../couchdb-design/user-document/preferences-standard-schema.ts';
import {
  createPreferenceSchema,
  newUserDocument,
  parseUsername,
  readUserDocument,
  userDocumentId,
} from '../../../couchdb-design/user-document/user-document.ts';
import { addRevision, countLiveLeaves, type RevisionTree } from './revision-tree.ts';
import { decideWrites } from './write-policy.ts';
import { parseRow, type Refusal, type Write } from './parse-row.ts';

const username = parseUsername('alice');
if (username === undefined) throw new Error('alice is a username');
const now = Date.parse('2026-11-22T09:30:00.000Z');
const schema = createPreferenceSchema(preferencesStandardSchema);
const rules = { ownId: userDocumentId(username), readDocument: readUserDocument, schema };
const body = newUserDocument(username, new Date(now));
const id = (n: number): string => n.toString(16).padStart(32, '0');

const parseWrite = (row: unknown, newEdits = false): Write => {
  const parsed = parseRow(row, newEdits, rules);
  if (parsed.kind !== 'write') throw new Error(parsed.reason);
  return parsed;
};
const revision = (ids: readonly number[], deleted = false): object => {
  const content = deleted ? { _id: body._id, _deleted: true } : body;
  return { ...content, _rev: `${ids.length}-${id(ids[0] ?? 0)}`, _revisions: { start: ids.length, ids: ids.map(id) } };
};
const treeOf = (...branches: (readonly [readonly number[], boolean?])[]): RevisionTree =>
  branches
    .map(([ids, deleted = false]) => parseWrite(revision(ids, deleted)))
    .reduce((tree: RevisionTree, { rev = '', path, deleted }) => addRevision(tree, { leaf: rev, path, deleted }), []);

describe('a row that is not a valid revision of the own document is refused', () => {
  const valid = revision([2, 1]) as Record<string, unknown>;
  const edits = (stamp: string): object => ({ ...valid, preferences: { theme: 'dark' }, edits: { theme: stamp } });
  it.each<[string, unknown]>([
    ["another user's id", { ...valid, _id: 'user_bob' }],
    ['an id that only resembles it', { ...valid, _id: 'user_alice ' }],
    ['no id', { ...valid, _id: undefined }],
    ['an array as the id', { ...valid, _id: ['user_alice'] }],
    ['an array', [valid]],
    ['null', null],
    ['an attachment', { ...valid, _attachments: { a: { stub: true } } }],
    ['an empty _attachments member', { ...valid, _attachments: {} }],
    ['another underscore member', { ...valid, _local_seq: 3 }],
    ['no revision', { ...valid, _rev: undefined }],
    ['an invalid revision', { ...valid, _rev: '2-x' }],
    [
      'a generation that is too high',
      { ...valid, _rev: `99999999999-${id(2)}`, _revisions: { start: 99999999999, ids: [id(2)] } },
    ],
    ["another revision's path", { ...valid, _revisions: { start: 2, ids: [id(3), id(1)] } }],
    ['a path longer than its generation', { ...valid, _revisions: { start: 1, ids: [id(2), id(1)] } }],
    ['a path of 1,001 revisions', revision(Array.from({ length: 1001 }, (_, n) => n))],
    ['a deletion with a body', { ...valid, _deleted: true }],
    ['a deletion that is not true', { ...valid, _deleted: 'yes' }],
    ['an unknown preference', { ...valid, preferences: { password_hash: 'x' } }],
    ['an unknown member', { ...valid, role: 'admin' }],
    ["another user's name", { ...valid, username: 'bob' }],
    ['a newer version', { ...valid, version: 2 }],
    ['a version that is no longer written', { ...valid, version: 0 }],
    ['a stamp after the year 9000', edits('9001-11-29T09:30:00.000Z-0000-abcde')],
    ['too many bytes', { ...valid, preferences: { selectedTags: ['x'.repeat(70_000)] } }],
    [
      'a __proto__ member',
      JSON.parse(JSON.stringify(valid).replace('{', '{"__proto__":{"_id":"user_alice"},')) as unknown,
    ],
  ])('%s', (_name, row) => {
    const parsed = parseRow(row, false, rules);
    expect(parsed).toMatchObject({ kind: 'refusal', reason: expect.stringMatching(/^[A-Z_].*\.$/s) as string });
  });

  it('a valid revision is accepted: the own document, a tombstone, a stamp of a clock that is years ahead', () => {
    expect(parseRow(valid, false, rules).kind).toBe('write');
    expect(parseRow(revision([2, 1], true), false, rules).kind).toBe('write');
    expect(parseRow(edits('2036-11-23T09:00:00.000Z-0000-abcde'), false, rules).kind).toBe('write');
    expect(parseRow(body, true, rules).kind).toBe('write');
  });

  it('parsing never throws for any row, and a refusal contains only the client’s own id', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map((text) => JSON.parse(text) as unknown),
          fc.dictionary(fc.constantFrom('_id', '_rev', '_revisions', '_deleted', 'type'), fc.anything()),
        ),
        fc.boolean(),
        (row, newEdits) => {
          const parsed = parseRow(row, newEdits, rules);
          if (parsed.kind === 'refusal')
            expect(parsed.id === undefined || (row as Refusal & { _id: string })._id === parsed.id).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('a document always keeps a live leaf', () => {
  it('accepts the deletion of one of two live leaves, and refuses a batch that deletes both', () => {
    const tree = treeOf([[2, 1]], [[3, 1]]);
    const one = decideWrites([parseWrite(revision([12, 2, 1], true))], tree, false);
    expect(one.map(({ kind }) => kind)).toEqual(['write']);
    const both = decideWrites(
      [parseWrite(revision([12, 2, 1], true)), parseWrite(revision([13, 3, 1], true))],
      tree,
      false,
    );
    expect(both.map(({ kind }) => kind)).toEqual(['refusal', 'refusal']);
  });

  it('does not count an old revision in the batch that is no longer a leaf', () => {
    const verdicts = decideWrites(
      [parseWrite(revision([1])), parseWrite(revision([12, 2, 1], true))],
      treeOf([[2, 1]]),
      false,
    );
    expect(verdicts.map(({ kind }) => kind)).toEqual(['write', 'refusal']);
  });

  it('refuses an edit that deletes the last live leaf', () => {
    const tree = treeOf([[2, 1]]);
    const row = parseWrite({ _id: body._id, _rev: `2-${id(2)}`, _deleted: true }, true);
    expect(decideWrites([row], tree, true).map(({ kind }) => kind)).toEqual(['refusal']);
  });

  it('keeps a live leaf for any rows, in any number of batches', () => {
    const ids = fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 4 });
    const batch = fc.array(fc.record({ ids, deleted: fc.boolean() }), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 6 }), (batches) => {
        let tree = treeOf([[1]]);
        for (const rows of batches) {
          const verdicts = decideWrites(
            rows.map(({ ids: path, deleted }) => parseWrite(revision(path, deleted))),
            tree,
            false,
          );
          expect(verdicts).toHaveLength(rows.length);
          tree = verdicts.reduce(
            (grown, row) =>
              row.kind === 'write'
                ? addRevision(grown, { leaf: row.rev ?? '', path: row.path, deleted: row.deleted })
                : grown,
            tree,
          );
          expect(countLiveLeaves(tree)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a tree stays small', () => {
  it('a 33rd live leaf is refused, and a descendant of a leaf is accepted', () => {
    const rows = Array.from({ length: 40 }, (_, n) => parseWrite(revision([100 + n, 1])));
    const verdicts = decideWrites(rows, treeOf([[1]]), false);
    expect(verdicts.map(({ kind }) => kind)).toEqual(rows.map((_, n) => (n < 32 ? 'write' : 'refusal')));
    const full = treeOf(...Array.from({ length: 32 }, (_, n) => [[100 + n, 1]] as const));
    expect(decideWrites([parseWrite(revision([200, 100, 1]))], full, false)[0]?.kind).toBe('write');
    expect(decideWrites([parseWrite(revision([200, 100, 1], true))], full, false)[0]?.kind).toBe('write');
  });

  it('a document to which an administrator added more can still be written and repaired', () => {
    const over = treeOf(...Array.from({ length: 40 }, (_, n) => [[100 + n, 1]] as const));
    expect(decideWrites([parseWrite(revision([200, 100, 1]))], over, false)[0]?.kind).toBe('write');
    expect(decideWrites([parseWrite(revision([300, 1]))], over, false)[0]?.kind).toBe('refusal');
  });

  it('a 101st leaf is refused even if it is deleted', () => {
    const many = treeOf([[2, 1]], ...Array.from({ length: 99 }, (_, n) => [[100 + n, 1], true] as const));
    expect(decideWrites([parseWrite(revision([300, 1], true))], many, false)[0]?.kind).toBe('refusal');
    expect(decideWrites([parseWrite(revision([301, 2, 1]))], many, false)[0]?.kind).toBe('write');
  });

  it('a new branch with too high a generation is refused, and a descendant of a high one is accepted', () => {
    const forged = (generation: number, ...ids: number[]): Write =>
      parseWrite({
        ...body,
        _rev: `${generation}-${id(ids[0] ?? 0)}`,
        _revisions: { start: generation, ids: ids.map(id) },
      });
    const high = forged(1_000_000, 7);
    expect(decideWrites([high], treeOf([[1]]), false)[0]?.kind).toBe('write');
    expect(decideWrites([forged(1_000_001, 8)], treeOf([[1]]), false)[0]?.kind).toBe('refusal');
    const grown = addRevision(treeOf([[1]]), { leaf: high.rev ?? '', path: high.path, deleted: false });
    expect(decideWrites([forged(1_000_001, 8, 7)], grown, false)[0]?.kind).toBe('write');
  });
});
