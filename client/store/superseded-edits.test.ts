import { nextEditStamp } from '../../couchdb-design/user-document/edit-stamp.ts';
import { newUserDocument } from '../../couchdb-design/user-document/user-document-shape.ts';
import { parseUsername, type Username } from '../../couchdb-design/user-document/username.ts';
import { applyEdits, type Edit } from './edits.ts';
import type { LocalDocument } from './leaf.ts';
import { findSupersededEdits } from './superseded-edits.ts';

const blank: LocalDocument = newUserDocument(parseUsername('alice') as Username, new Date(0));
const edit = (device: string, now: number, key: string, value: unknown): Edit => ({
  key,
  value,
  stamp: nextEditStamp({ now, device, seen: undefined }),
});
const ownEdit = edit('aaaaa', 1, 'theme', 'dark');
const otherEdit = edit('bbbbb', 2, 'theme', 'light');

test('returns an unsent edit that a later edit of another device replaced', () => {
  expect(findSupersededEdits(undefined, [ownEdit], 'aaaaa')).toEqual([]);
  expect(findSupersededEdits(blank, [ownEdit], 'aaaaa')).toEqual([]);
  expect(findSupersededEdits(applyEdits(blank, [ownEdit]), [ownEdit], 'aaaaa')).toEqual([]);
  const after = applyEdits(blank, [ownEdit, otherEdit]);
  expect(findSupersededEdits(after, [ownEdit], 'aaaaa')).toEqual([
    { ...ownEdit, by: otherEdit.stamp, current: 'light' },
  ]);
});

test('the current value after a removal by another device is null', () => {
  const removal = edit('bbbbb', 2, 'theme', null);
  const after = applyEdits(blank, [ownEdit, removal]);
  expect(findSupersededEdits(after, [ownEdit], 'aaaaa')).toEqual([{ ...ownEdit, by: removal.stamp, current: null }]);
});

test('a later edit of the same device, or an edit later than the other device’s, supersedes nothing', () => {
  const next = edit('aaaaa', 5, 'theme', 'system');
  expect(findSupersededEdits(applyEdits(blank, [ownEdit, next]), [ownEdit], 'aaaaa')).toEqual([]);
  expect(findSupersededEdits(applyEdits(blank, [next, otherEdit]), [next], 'aaaaa')).toEqual([]);
});

test('an unsent edit of another device is never superseded here', () => {
  const after = applyEdits(blank, [otherEdit, edit('ccccc', 9, 'theme', 'dark')]);
  expect(findSupersededEdits(after, [otherEdit], 'aaaaa')).toEqual([]);
});
