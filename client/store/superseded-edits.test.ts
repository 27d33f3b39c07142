import { nextEditStamp } from '../../couchdb-design/user-document/edit-stamp.ts';
import { newUserDocument } from '../../couchdb-design/user-document/user-document-shape.ts';
import { parseUsername, type Username } from '../../couchdb-design/user-document/username.ts';
import { applyEdits, type Edit } from './edits.ts';
import type { LocalDocument } from './replica.ts';
import { supersededIn } from './superseded-edits.ts';

const blank: LocalDocument = newUserDocument(parseUsername('alice') as Username, new Date(0));
const edit = (device: string, now: number, key: string, value: unknown): Edit => ({
  key,
  value,
  stamp: nextEditStamp({ now, device, seen: undefined }),
});
const ours = edit('aaaaa', 1, 'theme', 'dark');
const theirs = edit('bbbbb', 2, 'theme', 'light');

test('an unsent edit that a later one of another device takes the place of is told', () => {
  expect(supersededIn(undefined, [ours], 'aaaaa')).toEqual([]);
  expect(supersededIn(blank, [ours], 'aaaaa')).toEqual([]);
  expect(supersededIn(applyEdits(blank, [ours]), [ours], 'aaaaa')).toEqual([]);
  const after = applyEdits(blank, [ours, theirs]);
  expect(supersededIn(after, [ours], 'aaaaa')).toEqual([{ ...ours, by: theirs.stamp, current: 'light' }]);
});

test('a removal by another device is told as null', () => {
  const removal = edit('bbbbb', 2, 'theme', null);
  const after = applyEdits(blank, [ours, removal]);
  expect(supersededIn(after, [ours], 'aaaaa')).toEqual([{ ...ours, by: removal.stamp, current: null }]);
});

test('a later edit of one’s own, and an edit that was later than the other device’s, are nobody’s loss', () => {
  const next = edit('aaaaa', 5, 'theme', 'system');
  expect(supersededIn(applyEdits(blank, [ours, next]), [ours], 'aaaaa')).toEqual([]);
  expect(supersededIn(applyEdits(blank, [next, theirs]), [next], 'aaaaa')).toEqual([]);
});

test('what other devices made is not ours to lose, though this browser has not sent it yet', () => {
  const after = applyEdits(blank, [theirs, edit('ccccc', 9, 'theme', 'dark')]);
  expect(supersededIn(after, [theirs], 'aaaaa')).toEqual([]);
});
