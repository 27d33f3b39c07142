import { userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { editsResponse, replicatedResponse } from './bulk-docs.ts';
import type { MergedRow } from './row-verdict.ts';
import { countRejections, oversizeRejections } from './rejection-counts.ts';
import type { EditRow, Refusal, ReplicatedRow } from './parse-row.ts';

const OWN = userDocumentId('alice' as Username);
const content = { kind: 'deleted' } as const;
const edit: EditRow = { kind: 'edit', rev: undefined, content, document: { _id: OWN } };
const row: ReplicatedRow = { kind: 'replicated', rev: '2-a', path: ['2-a'], content, document: { _id: OWN } };
const merged: MergedRow = { kind: 'merged', id: OWN, rev: '2-b' };
const refusal = (id: string | undefined, extra: Partial<Refusal> = {}): Refusal => ({
  kind: 'refusal',
  id,
  rev: undefined,
  reason: 'No.',
  ...extra,
});
const invalid = [refusal('user_bob'), refusal(OWN), refusal(undefined)];

it('counts a rejected row by who rejected it, and why', () => {
  const counts = { not_own: 1, invalid: 2, conflict: 2, schema: 1, tree: 1, database: 1, oversize: 0 };
  const refused = [refusal(OWN), refusal(OWN, { isViolation: true }), refusal(OWN, { isConflict: true }), ...invalid];
  const edits = editsResponse(
    [edit, edit, edit, ...refused],
    [
      { ok: true, id: OWN, rev: '1-a' },
      { id: OWN, error: 'conflict', reason: 'Document update conflict.' },
      { id: OWN, error: 'forbidden', reason: 'refused by validate_doc_update' },
    ],
  );
  const parsedEdits = [edit, edit, edit, edit, edit, edit, ...invalid];
  expect(countRejections(OWN, parsedEdits, [edit, edit, edit, ...refused], edits)).toEqual(counts);

  const rows = replicatedResponse([row, ...refused], [{ id: OWN, rev: '2-a', error: 'forbidden', reason: 'refused' }]);
  const counted = countRejections(OWN, [row, row, row, row, ...invalid], [row, ...refused], rows);
  expect(counted).toEqual({ ...counts, conflict: 1 });
});

it('counts no row of a stored batch, and every row of an oversize one', () => {
  const stored = editsResponse([edit], [{ ok: true, id: OWN, rev: '1-a' }]);
  expect(Object.values(countRejections(OWN, [edit], [edit], stored))).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(oversizeRejections(3)).toMatchObject({ oversize: 3, invalid: 0 });
});

it('a merge that the database refuses is a refusal of each merged row, under its own revision', () => {
  const upstream = [{ id: OWN, rev: '3-c', error: 'forbidden', reason: 'No.' }];
  const rows = replicatedResponse([row, merged], upstream);
  expect(rows).toEqual([{ id: OWN, rev: '2-b', error: 'forbidden', reason: 'No.' }]);
  expect(countRejections(OWN, [row, row], [row, merged], rows)).toMatchObject({ database: 1 });
});

it('a refusal without a revision is never lost', () => {
  const upstream = [{ id: OWN, error: 'unauthorized', reason: 'No.' }];
  expect(replicatedResponse([row], upstream)).toEqual([{ id: OWN, error: 'forbidden', reason: 'No.' }]);
  expect(replicatedResponse([row, merged], upstream)).toEqual([
    { id: OWN, error: 'forbidden', reason: 'No.' },
    { id: OWN, rev: '2-b', error: 'forbidden', reason: 'No.' },
  ]);
});
