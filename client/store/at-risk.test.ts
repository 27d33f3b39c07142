import { nextEditStamp } from '../../couchdb-design/edit-stamp.ts';
import { newUserDocument } from '../../couchdb-design/user-document-shape.ts';
import { parseUsername, type Username } from '../../couchdb-design/username.ts';
import { watchEdits } from './at-risk.ts';
import { applyEdits, type Edit } from './edits.ts';
import type { LocalDocument } from './replica.ts';

const blank: LocalDocument = newUserDocument(parseUsername('alice') as Username, new Date(0));
const edit = (device: string, now: number, key: string, value: unknown): Edit => ({
  key,
  value,
  stamp: nextEditStamp({ now, device, seen: undefined }),
});
const ours = edit('aaaaa', 1, 'theme', 'dark');
const theirs = edit('bbbbb', 2, 'theme', 'light');

test('an unsent edit that a later one of another device takes the place of is told once', () => {
  const { look } = watchEdits('aaaaa');
  expect(look(applyEdits(blank, [ours]), [ours])).toEqual([]);
  const after = applyEdits(blank, [ours, theirs]);
  expect(look(after, [])).toEqual([{ ...ours, by: theirs.stamp, current: 'light' }]);
  expect(look(after, [])).toEqual([]);
});

test('also when it had been sent meanwhile, until everything was seen to hold', () => {
  const after = applyEdits(blank, [ours, theirs]);
  const still = watchEdits('aaaaa');
  still.look(applyEdits(blank, [ours]), [ours]);
  still.look(applyEdits(blank, [ours]), []);
  expect(still.look(after, [])).toHaveLength(1);
  const over = watchEdits('aaaaa');
  over.look(applyEdits(blank, [ours]), [ours]);
  over.clear();
  expect(over.look(after, [])).toEqual([]);
});

test('a removal by another device is told as null', () => {
  const { look } = watchEdits('aaaaa');
  look(blank, [ours]);
  const removal = edit('bbbbb', 2, 'theme', null);
  expect(look(applyEdits(blank, [ours, removal]), [])).toEqual([{ ...ours, by: removal.stamp, current: null }]);
});

test('a later edit of one’s own, and an edit that was later than the other device’s, are nobody’s loss', () => {
  const { look } = watchEdits('aaaaa');
  look(blank, [ours]);
  const next = edit('aaaaa', 5, 'theme', 'system');
  expect(look(applyEdits(blank, [ours, next]), [next])).toEqual([]);
  expect(look(applyEdits(blank, [next, theirs]), [next])).toEqual([]);
});

test('what other devices made is not ours to lose, though this browser has not sent it yet', () => {
  const { look } = watchEdits('aaaaa');
  look(applyEdits(blank, [theirs]), [theirs]);
  expect(look(applyEdits(blank, [edit('ccccc', 9, 'theme', 'dark')]), [])).toEqual([]);
});
