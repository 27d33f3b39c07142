import { userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { bulkDocsResponse } from './bulk-docs.ts';
import { countRejections, oversizeRejections } from './rejection-counts.ts';
import type { Verdict } from './write-policy.ts';
import type { Refusal, Write } from './parse-row.ts';

const OWN = userDocumentId('alice' as Username);
const write: Write = { kind: 'write', rev: undefined, path: [], deleted: false, document: { _id: OWN } };
const refusal = (id: string | undefined, more: Partial<Refusal> = {}): Refusal => ({
  kind: 'refusal',
  id,
  rev: undefined,
  reason: 'No.',
  ...more,
});

it('tells apart who denied a row, and why', () => {
  const read: Verdict[] = [write, write, write, write, write, refusal('user_bob'), refusal(OWN), refusal(undefined)];
  const verdicts = [write, write, write, refusal(OWN), refusal(OWN, { isConflict: true }), ...read.slice(5)];
  const upstream = [
    { ok: true, id: OWN, rev: '1-a' },
    { id: OWN, error: 'conflict', reason: 'Document update conflict.' },
    { id: OWN, error: 'forbidden', reason: 'validate_doc_update says no' },
  ];
  for (const newEdits of [true, false]) {
    const answer = bulkDocsResponse(verdicts, newEdits, upstream);
    expect(countRejections(OWN, read, verdicts, answer)).toEqual({
      not_own: 1,
      invalid: 2,
      conflict: 2,
      tree: 1,
      database: 1,
      oversize: 0,
    });
  }
});

it('counts nothing of a batch that was stored, and all of one that was too large to be read', () => {
  const stored = bulkDocsResponse([write], true, [{ ok: true, id: OWN, rev: '1-a' }]);
  expect(Object.values(countRejections(OWN, [write], [write], stored))).toEqual([0, 0, 0, 0, 0, 0]);
  expect(oversizeRejections(3)).toMatchObject({ oversize: 3, invalid: 0 });
});
