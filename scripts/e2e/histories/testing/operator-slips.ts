/** What an operator may have stored in CouchDB by hand: every interface must still read and edit the document. */
import type { StoredDocument } from './deployment.ts';

const far = '9998-12-31T00:00:00.000Z-0000-w7f3a';

const CHANGES = {
  'an unknown preference': (document: StoredDocument) => ({
    ...document,
    preferences: { ...document.preferences, thme: 'drak' },
  }),
  'an invalid value': (document: StoredDocument) => ({
    ...document,
    preferences: { ...document.preferences, viewMode: 'drak', language: ['de'] },
  }),
  'a malformed stamp': (document: StoredDocument) => ({
    ...document,
    edits: { ...document.edits, theme: 'yesterday' },
  }),
  'a stamp of the year 9998': (document: StoredDocument) => ({
    ...document,
    preferences: { ...document.preferences, theme: 'dark' },
    edits: { ...document.edits, theme: far },
  }),
  'a missing member': (document: StoredDocument) =>
    Object.fromEntries(Object.entries(document).filter(([name]) => name !== 'created_at' && name !== 'updated_at')),
  'an unknown member': (document: StoredDocument) => ({ ...document, note: 'checked by hand' }),
} as const;

export type OperatorSlip = keyof typeof CHANGES;
export const OPERATOR_SLIPS = Object.keys(CHANGES) as readonly OperatorSlip[];

/** Returns the document after the slip. */
export const applySlip = (slip: OperatorSlip, document: StoredDocument): object => CHANGES[slip](document);
