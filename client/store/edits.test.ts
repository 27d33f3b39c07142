import fc from 'fast-check';
import { nextEditStamp } from '../../couchdb-design/user-document/edit-stamp.ts';
import { applyEdit } from '../../couchdb-design/user-document/merge.ts';
import { newUserDocument } from '../../couchdb-design/user-document/user-document-shape.ts';
import { parseUsername, type Username } from '../../couchdb-design/user-document/username.ts';
import { applyEdits, editsIn, isIncludedIn, type Edit } from './edits.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';

const alice = parseUsername('alice') as Username;
const blank = newUserDocument(alice, new Date('2026-11-22T09:00:00.000Z'));
const stampAt = (now: number, device = 'aaaaa') => nextEditStamp({ now, device, seen: undefined });

const SETS = [
  { key: 'theme', value: 'light' },
  { key: 'theme', value: 'dark' },
  { key: 'theme', value: null },
  { key: 'dailyBriefing', value: true },
  { key: 'dailyBriefing', value: null },
  { key: 'selectedTags', value: ['a'] },
  { key: 'selectedTags', value: ['b', 'c'] },
  { key: 'selectedTags', value: null },
] as const;

// A stamp identifies one edit, so its time encodes the value that is set.
const edit = fc
  .record({ set: fc.nat(SETS.length - 1), time: fc.nat(5), device: fc.constantFrom('aaaaa', 'bbbbb') })
  .map(({ set, time, device }): Edit => {
    const { key, value } = SETS[set] ?? SETS[0];
    return { key, value, stamp: stampAt(time * 10 + set, device) };
  });
const edits = fc.array(edit, { maxLength: 12 });
const compareStamps = (a: Edit, b: Edit): number => (a.stamp < b.stamp ? -1 : 1);
/** The last of the edits of each preference. */
const latestEdits = (all: readonly Edit[]): Edit[] => [
  ...new Map(all.toSorted(compareStamps).map((one) => [one.key, one])).values(),
];

test('applyEdits gives the same document for any order or all at once, and is idempotent', () => {
  fc.assert(
    fc.property(edits, (all) => {
      const edited = applyEdits(blank, latestEdits(all));
      expect(all.reduce((document, one) => applyEdits(document, [one]), applyEdits(blank, []))).toEqual(edited);
      expect(applyEdits(edited, latestEdits(all))).toEqual(edited);
      expect(all.every((one) => isIncludedIn(one, edited))).toBe(true);
    }),
  );
});

test('applyEdits gives the document that the server computes from the same edits', () => {
  fc.assert(
    fc.property(edits, (all) => {
      const byServer = all.reduce<ReturnType<typeof applyEdits>>(
        (document, { key, value, stamp }) => applyEdit<Values>(document, { [key]: value }, stamp),
        blank,
      );
      expect(applyEdits(blank, latestEdits(all))).toEqual(byServer);
    }),
  );
});

test('a pending edit does not replace a later one in the document', () => {
  const pulled = applyEdit(blank, { theme: 'light' }, stampAt(2_000));
  const pending = [
    { key: 'theme', value: 'dark', stamp: stampAt(1_000) },
    { key: 'viewMode', value: 'graph', stamp: stampAt(1_001) },
  ];
  expect(applyEdits(pulled, pending).preferences).toEqual({ theme: 'light', viewMode: 'graph' });
});

test('a removal removes the preference', () => {
  const pulled = applyEdit(blank, { theme: 'light' }, stampAt(1_000));
  expect(applyEdits(pulled, [{ key: 'theme', value: null, stamp: stampAt(2_000) }]).preferences).toEqual({});
});

test('editsIn returns the edits that produce the document', () => {
  fc.assert(
    fc.property(edits, (all) => {
      const document = applyEdits(blank, latestEdits(all));
      expect(applyEdits(blank, editsIn(document))).toEqual(document);
    }),
  );
});
