import { readUserDocument } from '../../../couchdb-design/user-document/read-user-document.ts';
import { newUserDocument, parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { WellFormedRevisions } from './well-formed-revisions.ts';

const alice = { ...newUserDocument(parseUsername('alice') as Username, new Date(0)), _rev: `1-${'a'.repeat(32)}` };
const malformed = { ...alice, _rev: `2-${'b'.repeat(32)}`, edits: 'none' };

/** Counts the documents that were read. */
function createRevisions(): { revisions: WellFormedRevisions; reads: () => number } {
  let reads = 0;
  const revisions = new WellFormedRevisions((value) => {
    reads += 1;
    return readUserDocument(value);
  });
  return { revisions, reads: () => reads };
}

test('reads a well-formed revision once, and each other one by itself', () => {
  const { revisions, reads } = createRevisions();
  for (let n = 0; n < 3; n += 1) expect(revisions.has(alice)).toBe(true);
  expect(reads()).toBe(1);
  expect(revisions.has({ ...alice, _rev: `2-${'a'.repeat(32)}` })).toBe(true);
  expect(reads()).toBe(2);
});

test('reports a malformed revision at each read', () => {
  const { revisions } = createRevisions();
  expect(revisions.has(alice)).toBe(true);
  for (let n = 0; n < 3; n += 1) expect(revisions.has(malformed)).toBe(false);
});

test.each([undefined, null, 'x', { ...alice, _rev: undefined }, { _id: 'user_alice', _deleted: true, _rev: '3-c' }])(
  'a body without a revision, or that cannot be read, needs no repair: %j',
  (body) => {
    const { revisions } = createRevisions();
    for (let n = 0; n < 2; n += 1) expect(revisions.has(body)).toBe(true);
  },
);
