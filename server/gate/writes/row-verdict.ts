import type { Revision } from '../../../couchdb-design/user-document/revisions.ts';
import type { Refusal, ReplicatedRow } from './parse-row.ts';

/** The row's content is in the document, but its revision is not, and need not be sent again. */
export interface MergedRow {
  readonly kind: 'merged';
  readonly id: string;
  readonly rev: Revision;
}

/** The database has the row's revision. */
export interface KnownRow {
  readonly kind: 'known';
}

export type RowVerdict = ReplicatedRow | MergedRow | KnownRow | Refusal;
