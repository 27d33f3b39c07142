import { findWriteViolation } from '../../../couchdb-design/user-document/document-changes.ts';
import { formatViolation } from '../../../couchdb-design/user-document/json-rules.ts';
import type { PreferenceSchema } from '../../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocumentReader } from '../../../couchdb-design/user-document/read-user-document.ts';
import { isRevision, parseRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { isObject, isStorable, getProperty, getString, type JsonObject } from '../../lib/json.ts';
import { parseRevisionPath } from './revision-tree.ts';

/** A revision to store, parsed and checked: it belongs to the caller's own document and has a valid body. */
export interface Write {
  readonly kind: 'write';
  /** For a replicated revision (`new_edits:false`) the revision itself; for an edit its parent, or undefined for a root. */
  readonly rev: Revision | undefined;
  /** The path to the root of a replicated revision, newest first. */
  readonly path: readonly Revision[];
  readonly deleted: boolean;
  /** The document to send upstream, built from parsed values only. */
  readonly document: JsonObject;
}

/** A row that is not stored. `id` and `rev` are copied from the request, so that the client can identify the row. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly id: string | undefined;
  readonly rev: string | undefined;
  readonly reason: string;
  /** The row is valid, but its base revision is no longer a leaf. */
  readonly isConflict?: true;
}

export interface WriteRules {
  readonly ownId: UserDocumentId;
  readonly readDocument: UserDocumentReader;
  readonly schema: PreferenceSchema;
}

/** CouchDB keeps this many revisions of a branch (`revs_limit`), so a longer branch is forged. */
export const MAX_BRANCH_LENGTH = 1000;

const ALLOWED_UNDERSCORE_MEMBERS = ['_id', '_rev', '_revisions', '_deleted'];

const MAX_OWN_ROWS = 200;

/** The same for another user's document and for one that does not exist. */
const NOT_OWN_DOCUMENT = 'You can only write your own document.';

/**
 * Parses the rows of a batch. Only the first 200 rows of the own document are accepted, which is more than its leaves can
 * be: each is checked, sent and stored one by one while other users wait for the database.
 */
export function parseRows(
  rows: readonly unknown[],
  newEdits: boolean,
  rules: WriteRules,
): readonly (Write | Refusal)[] {
  let ownCount = 0;
  return rows.map((row) => {
    if (getProperty(row, '_id') === rules.ownId) ownCount += 1;
    if (ownCount <= MAX_OWN_ROWS || getProperty(row, '_id') !== rules.ownId) return parseRow(row, newEdits, rules);
    const [id, rev] = [getString(row, '_id'), getString(row, '_rev')];
    return { kind: 'refusal', id, rev, reason: `At most ${MAX_OWN_ROWS} revisions are accepted at a time.` };
  });
}

/** Parses one row of `_bulk_docs`. With `newEdits` false the row is a revision that another replica created. */
export function parseRow(row: unknown, newEdits: boolean, rules: WriteRules): Write | Refusal {
  const refuse = (reason: string): Refusal => ({
    kind: 'refusal',
    id: getString(row, '_id'),
    rev: getString(row, '_rev'),
    reason,
  });
  if (!isObject(row)) return refuse('A document must be a JSON object.');
  if (getProperty(row, '_id') !== rules.ownId) return refuse(NOT_OWN_DOCUMENT);
  if (!isStorable(row)) return refuse('The document is nested too deeply, or contains an unpaired surrogate.');
  if (Object.hasOwn(row, '_attachments')) return refuse('Attachments are not accepted.');
  if (Object.keys(row).some((key) => key.startsWith('_') && !ALLOWED_UNDERSCORE_MEMBERS.includes(key)))
    return refuse('A member whose name begins with an underscore is not accepted.');

  const revision = parseRowRevision(row, newEdits);
  if (typeof revision === 'string') return refuse(revision);
  const content = row['_deleted'] === true ? parseTombstone(row) : parseLiveDocument(row, rules);
  if (typeof content === 'string') return refuse(content);

  const { rev, path } = revision;
  const ids = path.map((item) => parseRevision(item)?.id);
  const head = {
    _id: rules.ownId,
    ...(rev === undefined ? {} : { _rev: rev }),
    ...(newEdits ? {} : { _revisions: { start: parseRevision(rev)?.generation, ids } }),
  };
  return { kind: 'write', rev, path, deleted: row['_deleted'] === true, document: { ...content, ...head } };
}

/** Returns the revision and its path, or the reason for refusing them. */
function parseRowRevision(
  row: JsonObject,
  newEdits: boolean,
): { rev: Revision | undefined; path: readonly Revision[] } | string {
  const rev = row['_rev'];
  if (rev !== undefined && !isRevision(rev)) return '_rev is not a revision like 1-0123456789abcdef0123456789abcdef.';
  if (newEdits) return { rev, path: [] };
  if (rev === undefined) return 'A replicated revision needs its _rev.';
  const path = row['_revisions'] === undefined ? [rev] : parseRevisionPath(row['_revisions']);
  if (path === undefined || path[0] !== rev) return '_revisions does not belong to _rev.';
  return path.length > MAX_BRANCH_LENGTH
    ? `At most ${MAX_BRANCH_LENGTH} revisions of a branch are accepted.`
    : { rev, path };
}

/** A tombstone has no body: its members would be stored unchecked. */
function parseTombstone(row: JsonObject): JsonObject | string {
  return Object.keys(row).every((key) => ALLOWED_UNDERSCORE_MEMBERS.includes(key))
    ? { _deleted: true }
    : 'A deleted revision has only _id, _rev, _revisions and _deleted.';
}

function parseLiveDocument(row: JsonObject, { readDocument, schema }: WriteRules): JsonObject | string {
  if (Object.hasOwn(row, '_deleted') && row['_deleted'] !== false) return '_deleted is not true or false.';
  const body = Object.fromEntries(Object.entries(row).filter(([key]) => key === '_id' || !key.startsWith('_')));
  const read = readDocument(body);
  if (!read.ok) return read.reason;
  // A replicated revision must be stored unchanged or not at all.
  const violation = read.repairs[0] ?? findWriteViolation({ before: undefined, after: read.document, schema });
  return violation === undefined ? { ...read.document } : `${formatViolation(violation)}.`;
}
