/**
 * What an operator may have stored in CouchDB by hand, and `validate_doc_update` accepts: every interface must still read and edit
 * the document.
 */
import type { StoredDocument } from './deployment.ts';

type Change = (document: StoredDocument) => object;

/** No participant edits these preferences, so the order of the mistakes and of the edits does not matter. */
const withStamp =
  (key: string, value: unknown, stamp: string): Change =>
  ({ preferences, edits, ...document }) => ({
    ...document,
    preferences: { ...preferences, [key]: value },
    edits: { ...edits, [key]: stamp },
  });

const CHANGES = {
  'an unknown preference': withStamp('thme', 'drak', '2026-11-22T09:30:01.123Z-0000-w7f3a'),
  'an invalid value': ({ preferences, ...document }: StoredDocument) => ({
    ...document,
    preferences: { ...preferences, selectedStatus: 'drak', language: ['de'] },
  }),
  'a stamp of a day that does not exist': withStamp('dailyRecap', true, '2026-02-30T09:30:01.123Z-0000-w7f3a'),
  'a stamp of the year 9998': withStamp('recapTime', '06:00', '9998-12-31T00:00:00.000Z-0000-w7f3a'),
  'the last stamp': withStamp('selectedTimeRange', 'week', '9999-12-31T23:59:59.999Z-ffff-zzzzz'),
  'a time of a day that does not exist': (document: StoredDocument) => ({
    ...document,
    created_at: '2026-02-30T09:30:01.123Z',
  }),
} as const satisfies Record<string, Change>;

export type OperatorMistake = keyof typeof CHANGES;
export const OPERATOR_MISTAKES = Object.keys(CHANGES) as readonly OperatorMistake[];

/** Returns the document after the mistake. */
export const applyMistake = (mistake: OperatorMistake, document: StoredDocument): object => CHANGES[mistake](document);
