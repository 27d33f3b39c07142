import { isRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { isObject, getProperty, getString, type JsonObject } from '../../lib/json.ts';
import type { UserDocumentReader } from '../../../couchdb-design/user-document/read-user-document.ts';
import { readContent, type ReadableContent } from './read-content.ts';
import { parseRevisionPath, type RevisionPath } from '../revision-tree.ts';

/** What a row would store: a document, or nothing in the case of a deletion. */
export type RowContent = ReadableContent | { readonly kind: 'deleted' };

interface ParsedRow {
  readonly content: RowContent;
  /** The document to send upstream, built from parsed values only. */
  readonly document: JsonObject;
}

/** A revision that another replica created (`new_edits:false`). */
export interface ReplicatedRow extends ParsedRow {
  readonly kind: 'replicated';
  readonly rev: Revision;
  readonly path: RevisionPath;
}

/** A new edit (`new_edits:true`), for which the database creates a revision. */
export interface EditRow extends ParsedRow {
  readonly kind: 'edit';
  /** The revision that is edited; undefined for a new document. */
  readonly rev: Revision | undefined;
}

/** A row that is not stored. `id` and `rev` are copied from the request, so that the client can identify the row. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly id: string | undefined;
  readonly rev: string | undefined;
  readonly reason: string;
  /** The row is valid, but its base revision is no longer a leaf. */
  readonly isConflict?: true;
  /** The document's values would violate the schema or the limits of a document. */
  readonly isViolation?: true;
}

export interface RowRules {
  readonly ownId: UserDocumentId;
  readonly readDocument: UserDocumentReader;
}

/** A row of a batch that exceeds a limit, so that it was not parsed. */
export class UnreadRow {
  readonly _id: string | undefined;
  readonly _rev: string | undefined;
  readonly reason: string;

  constructor({ _id, _rev }: { readonly _id: string | undefined; readonly _rev: string | undefined }, reason: string) {
    this._id = _id;
    this._rev = _rev;
    this.reason = reason;
  }
}

/** Ten times CouchDB's `revs_limit`, so a longer path is forged. */
export const MAX_PATH_LENGTH = 10_000;

const ALLOWED_UNDERSCORE_MEMBERS = ['_id', '_rev', '_revisions', '_deleted'];

/**
 * A device sends every leaf that `_revs_diff` lists as missing. A row whose content the document already has costs little: it is
 * compared with the document, and not stored.
 */
const MAX_OWN_ROWS = 2_000;

/** Members of a row. A document has eight, and CouchDB's four. One that an operator has stored may have a few others. */
const MAX_ROW_MEMBERS = 100;

/** In characters. A reason may quote a member's name, which has any length, for each row. */
const MAX_REASON_LENGTH = 300;

/** The same for another user's document and for one that does not exist. */
const NOT_OWN_DOCUMENT = 'You can only write your own document.';

export const refuse = (row: unknown, reason: string): Refusal => ({
  kind: 'refusal',
  id: getString(row, '_id'),
  rev: getString(row, '_rev'),
  reason: reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH)}…` : reason,
});

/** Refuses a row that would store an invalid value, name or stamp, or too large a document. */
export const refuseViolation = (row: unknown, reason: string): Refusal => ({
  ...refuse(row, reason),
  isViolation: true,
});

/**
 * Parses the rows of a batch, in order. Only the first 2,000 rows of the own document are accepted. Yields after each row. Throws 400
 * for a row that is not JSON.
 */
export function* parseRows<R>(
  rows: Iterable<unknown>,
  rules: RowRules,
  parseRow: (row: unknown, rules: RowRules) => R,
): Generator<void, readonly (R | Refusal)[], void> {
  const parsed: (R | Refusal)[] = [];
  let ownCount = 0;
  for (const row of rows) {
    const isOwn = getProperty(row, '_id') === rules.ownId;
    if (isOwn) ownCount += 1;
    if (row instanceof UnreadRow) parsed.push(refuse(row, isOwn ? row.reason : NOT_OWN_DOCUMENT));
    else if (isOwn && ownCount > MAX_OWN_ROWS)
      parsed.push(refuse(row, `At most ${MAX_OWN_ROWS} revisions are accepted at a time.`));
    else parsed.push(parseRow(row, rules));
    yield;
  }
  return parsed;
}

/** Parses a row of `_bulk_docs` with `new_edits:false`. */
export function parseReplicatedRow(row: unknown, rules: RowRules): ReplicatedRow | Refusal {
  const parsed = parseOwnDocument(row, rules);
  if (typeof parsed === 'string') return refuse(row, parsed);
  const { rev } = parsed;
  if (rev === undefined) return refuse(row, 'A replicated revision needs its _rev.');
  const path = parsed.revisions === undefined ? ([rev] as const) : parseRevisionPath(parsed.revisions);
  if (path?.[0] !== rev) return refuse(row, '_revisions does not belong to _rev.');
  if (path.length > MAX_PATH_LENGTH) return refuse(row, `A path has at most ${MAX_PATH_LENGTH} revisions.`);
  const { content, document } = parsed;
  return { kind: 'replicated', rev, path, content, document };
}

/** Parses a row of `_bulk_docs` with `new_edits:true`, or the body of a `PUT`. */
export function parseEditRow(row: unknown, rules: RowRules): EditRow | Refusal {
  const parsed = parseOwnDocument(row, rules);
  if (typeof parsed === 'string') return refuse(row, parsed);
  const { rev, content, document } = parsed;
  return { kind: 'edit', rev, content, document: { ...document, ...(rev === undefined ? {} : { _rev: rev }) } };
}

interface OwnDocument extends ParsedRow {
  readonly rev: Revision | undefined;
  readonly revisions: unknown;
}

/** Returns the parts of a row of the own document, or the reason for refusing it. */
function parseOwnDocument(row: unknown, { ownId, readDocument }: RowRules): OwnDocument | string {
  if (!isObject(row)) return 'A document must be a JSON object.';
  if (getProperty(row, '_id') !== ownId) return NOT_OWN_DOCUMENT;
  if (Object.keys(row).length > MAX_ROW_MEMBERS) return `A document has at most ${MAX_ROW_MEMBERS} members.`;
  if (Object.hasOwn(row, '_attachments')) return 'Attachments are not accepted.';
  if (Object.keys(row).some((key) => key.startsWith('_') && !ALLOWED_UNDERSCORE_MEMBERS.includes(key)))
    return 'A member whose name begins with an underscore is not accepted.';
  const { _rev: rev, _revisions: revisions, _deleted: deleted } = row;
  if (rev !== undefined && !isRevision(rev)) return '_rev is not a revision like 1-0123456789abcdef0123456789abcdef.';
  if (deleted === true) {
    // Its members would be stored unchecked.
    return Object.keys(row).every((key) => ALLOWED_UNDERSCORE_MEMBERS.includes(key))
      ? { rev, revisions, content: { kind: 'deleted' }, document: { _id: ownId, _deleted: true } }
      : 'A deleted revision has only _id, _rev, _revisions and _deleted.';
  }
  if (deleted !== undefined && deleted !== false) return '_deleted is not true or false.';
  const content = readContent(row, readDocument);
  return content.kind === 'readable' ? { rev, revisions, content, document: { ...content.document } } : content.reason;
}
