import { userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { bulkDocsResponse } from './bulk-docs.ts';
import { countRejections, oversizeRejections } from './rejection-counts.ts';
import type { Verdict } from './write-policy.ts';
import type { Refusal, Write } from './parse-row.ts';

const OWN = userDocumentId('alice' as Username);
const write: Write = { kind: 'write', rev: undefined, path: [], deleted: false, document: { _id: OWN } };
const refusal = (id: string | undefined, extra: Partial<Refusal> = {}): Refusal => ({
  kind: 'refusal',
  id,
  rev: undefined,
  reason: 'No.',
  ...extra,
});

it('counts a rejected row by who rejected it, and why', () => {
  const parsed: Verdict[] = [write, write, write, write, write, refusal('user_bob'), refusal(OWN), refusal(undefined)];
  const verdicts = [write, write, write, refusal(OWN), refusal(OWN, { isConflict: true }), ...parsed.slice(5)];
  const upstream = [
    { ok: true, id: OWN, rev: '1-a' },
    { id: OWN, error: 'conflict', reason: 'Document update conflict.' },
    { id: OWN, error: 'forbidden', reason: 'refused by validate_doc_update' },
  ];
  for (const newEdits of [true, false]) {
    const responseRows = bulkDocsResponse(verdicts, newEdits, upstream);
    expect(countRejections(OWN, parsed, verdicts, responseRows)).toEqual({
      not_own: 1,
      invalid: 2,
      conflict: 2,
      tree: 1,
      database: 1,
      oversize: 0,
    });
  }
});

it('counts no row of a stored batch, and every row of an oversize one', () => {
  const stored = bulkDocsResponse([write], true, [{ ok: true, id: OWN, rev: '1-a' }]);
  expect(Object.values(countRejections(OWN, [write], [write], stored))).toEqual([0, 0, 0, 0, 0, 0]);
  expect(oversizeRejections(3)).toMatchObject({ oversize: 3, invalid: 0 });
});
