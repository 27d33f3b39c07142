import fc from 'fast-check';
import { nextEditStamp } from '../../couchdb-design/edit-stamp.ts';
import { applyEdit } from '../../couchdb-design/merge.ts';
import { newUserDocument } from '../../couchdb-design/user-document-shape.ts';
import { parseUsername, type Username } from '../../couchdb-design/username.ts';
import { applyEdits, editsOfPatch, isCovered, latestEdits, type Edit } from './edits.ts';

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

// One stamp is for one edit: what is set is part of its time.
const edit = fc
  .record({ set: fc.nat(SETS.length - 1), time: fc.nat(5), device: fc.constantFrom('aaaaa', 'bbbbb') })
  .map(({ set, time, device }): Edit => {
    const { key, value } = SETS[set] ?? SETS[0];
    return { key, value, stamp: stampAt(time * 10 + set, device) };
  });
const edits = fc.array(edit, { maxLength: 12 });

test('a draft keeps the later edit of each preference, in whichever order they come', () => {
  fc.assert(
    fc.property(edits, edits, (some, more) => {
      const draft = latestEdits([...some, ...more]);
      expect(latestEdits([...more, ...some])).toEqual(draft);
      expect(latestEdits([...draft, ...draft])).toEqual(draft);
      expect(new Set(draft.map(({ key }) => key)).size).toBe(draft.length);
      for (const one of [...some, ...more]) {
        expect(draft.find(({ key }) => key === one.key)?.stamp).toBe(
          [...some, ...more]
            .filter(({ key }) => key === one.key)
            .map(({ stamp }) => stamp)
            .sort()
            .at(-1),
        );
      }
    }),
  );
});

test('a draft in a document is the same as its edits one by one, and once in its place it changes nothing more', () => {
  fc.assert(
    fc.property(edits, (all) => {
      const placed = applyEdits(blank, latestEdits(all));
      expect(placed).toEqual(applyEdits(applyEdits(blank, all), all));
      expect(applyEdits(placed, all)).toEqual(placed);
      expect(all.every((one) => isCovered(one, placed.edits))).toBe(true);
    }),
  );
});

test('an edit of a draft gives way to a later one that came with the document', () => {
  const pulled = applyEdit(blank, { theme: 'light' }, stampAt(2_000));
  const draft = [
    ...editsOfPatch({ theme: 'dark' }, stampAt(1_000)),
    ...editsOfPatch({ viewMode: 'graph' }, stampAt(1_001)),
  ];
  expect(applyEdits(pulled, draft).preferences).toEqual({ theme: 'light', viewMode: 'graph' });
});

test('a removal is an edit', () => {
  const pulled = applyEdit(blank, { theme: 'light' }, stampAt(1_000));
  expect(applyEdits(pulled, editsOfPatch({ theme: undefined }, stampAt(2_000))).preferences).toEqual({});
});
