import fc from 'fast-check';
import { nextEditStamp } from '../../couchdb-design/edit-stamp.ts';
import { applyEdit } from '../../couchdb-design/merge.ts';
import { newUserDocument, parseUsername, type Username } from '../../couchdb-design/user-document.ts';
import { editsOfPatch } from './edits.ts';
import { forget, learn, NOTHING_KNOWN, readKnown, unsentEdits } from './known.ts';

const alice = parseUsername('alice') as Username;
const blank = newUserDocument(alice, new Date('2026-11-22T09:00:00.000Z'));
const stampAt = (now: number) => nextEditStamp({ now, device: 'aaaaa', seen: undefined });
const rev = (generation: number) => `${generation}-${'0'.repeat(32)}`;

const document = applyEdit(applyEdit(blank, { theme: 'dark' }, stampAt(1)), { viewMode: 'graph' }, stampAt(2));

test('every edit is unsent until the server is known to have its stamp', () => {
  expect(unsentEdits(document, [], NOTHING_KNOWN).map(({ key }) => key)).toEqual(['theme', 'viewMode']);
  const known = learn(NOTHING_KNOWN, [{ rev: rev(2), edits: document.edits }]);
  expect(unsentEdits(document, [], known)).toEqual([]);
  const edited = applyEdit(document, { theme: 'light' }, stampAt(3));
  expect(unsentEdits(edited, [], known)).toEqual([{ key: 'theme', value: 'light', stamp: stampAt(3) }]);
});

test('a removal counts as one edit, and a draft counts before there is a document', () => {
  const known = learn(NOTHING_KNOWN, [{ rev: rev(2), edits: document.edits }]);
  const removed = applyEdit(document, { theme: null }, stampAt(3));
  expect(unsentEdits(removed, [], known)).toEqual([{ key: 'theme', value: null, stamp: stampAt(3) }]);
  expect(unsentEdits(undefined, editsOfPatch({ theme: 'dark', viewMode: 'table' }, stampAt(1)), known)).toEqual([]);
  expect(unsentEdits(undefined, editsOfPatch({ theme: 'dark', viewMode: 'table' }, stampAt(4)), known)).toHaveLength(2);
});

test('a preference that is edited twice is one unsent edit', () => {
  const twice = applyEdit(document, { theme: 'light' }, stampAt(3));
  const waiting = editsOfPatch({ theme: 'system' }, stampAt(4));
  const known = learn(NOTHING_KNOWN, [{ rev: rev(2), edits: document.edits }]);
  expect(unsentEdits(twice, waiting, known)).toEqual(waiting);
});

test('a server that lacks what it once had is no longer known to have anything', () => {
  const known = learn(NOTHING_KNOWN, [{ rev: rev(2), edits: document.edits }]);
  expect(forget(known, [rev(3)])).toBe(known);
  expect(unsentEdits(document, [], forget(known, [rev(2)]))).toHaveLength(2);
});

test('what is learned never grows without bounds, never goes back, and reads back the same', () => {
  const held = fc.record({
    rev: fc.integer({ min: 1, max: 200 }).map(rev),
    edits: fc.dictionary(fc.constantFrom('theme', 'viewMode'), fc.integer({ min: 0, max: 99 }).map(stampAt)),
  });
  fc.assert(
    fc.property(fc.array(held, { maxLength: 100 }), (all) => {
      let known = NOTHING_KNOWN;
      for (const one of all) {
        const next = learn(known, [one]);
        for (const [key, stamp] of Object.entries(known.stamps)) expect((next.stamps[key] ?? '') >= stamp).toBe(true);
        known = next;
      }
      expect(known.revisions.length).toBeLessThanOrEqual(32);
      expect(readKnown(JSON.parse(JSON.stringify(known)))).toEqual(known);
    }),
  );
  fc.assert(fc.property(fc.jsonValue(), (value) => Array.isArray(readKnown(value).revisions)));
});
