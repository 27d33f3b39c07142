import { stampTime, type EditStamp } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { isRevision, parseRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import { MAX_DOCUMENT_BYTES, type UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { isObject, isStorable, getProperty, getString, type JsonObject } from '../../lib/json.ts';
import type { ReadBody } from '../context.ts';
import { parseRevisionPath } from './revision-tree.ts';

/** One revision that a client wants stored, read and found to be of the caller's own document and of its shape. */
export interface Write {
  readonly kind: 'write';
  /** The revision itself when it is replicated (`new_edits:false`), its parent when it is an edit; none: a first one. */
  readonly rev: Revision | undefined;
  /** The way to the root, youngest first, for a replicated revision. */
  readonly path: readonly Revision[];
  readonly deleted: boolean;
  /** What is sent upstream: built from what was read, so nothing unread goes with it. */
  readonly document: JsonObject;
}

/** A row that is not stored. `id` and `rev` are the client's own words, given back so that it can tell its rows apart. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly id: string | undefined;
  readonly rev: string | undefined;
  readonly reason: string;
  /** The row is good, but another has changed what it changes. */
  readonly isConflict?: true;
}

export interface WriteRules {
  readonly ownId: UserDocumentId;
  readonly readBody: ReadBody;
  /** The gate's clock, in ms since 1970. */
  readonly now: number;
}

/** How far ahead of the gate's clock a stamp may be, in ms: a clock may be in a wrong time zone, never in another year. */
const MAX_STAMP_AHEAD_MS = 24 * 60 * 60 * 1000;
/** CouchDB keeps this many revisions of a branch (`revs_limit`); a longer path could only be forged. */
const MAX_PATH_LENGTH = 1000;

const ALLOWED_UNDERSCORE_MEMBERS = ['_id', '_rev', '_revisions', '_deleted'];

const MAX_OWN_ROWS = 200;

/** Told for another user's document and for one that nobody has, alike. */
const NOT_OWN_DOCUMENT = 'You can only write your own document.';

/**
 * Reads the rows of a batch. Of the own document only the first 200 are looked at: more than its leaves can be, and each
 * is checked, sent and stored one by one while others wait for the database.
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
    return { kind: 'refusal', id, rev, reason: `At most ${MAX_OWN_ROWS} revisions are taken at a time.` };
  });
}

/** Reads one row of `_bulk_docs`. `newEdits` false: the row is a revision as another replica made it. */
export function parseRow(row: unknown, newEdits: boolean, rules: WriteRules): Write | Refusal {
  const refuse = (reason: string): Refusal => ({
    kind: 'refusal',
    id: getString(row, '_id'),
    rev: getString(row, '_rev'),
    reason,
  });
  if (!isObject(row)) return refuse('A document must be a JSON object.');
  if (getProperty(row, '_id') !== rules.ownId) return refuse(NOT_OWN_DOCUMENT);
  if (!isStorable(row)) return refuse('The document is nested too deeply, or holds half a character.');
  if (Object.hasOwn(row, '_attachments')) return refuse('Attachments are not accepted.');
  const odd = Object.keys(row).find((key) => key.startsWith('_') && !ALLOWED_UNDERSCORE_MEMBERS.includes(key));
  if (odd !== undefined) return refuse('A member whose name begins with an underscore is not accepted.');

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

/** The revision and its path, or what is wrong with them. */
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
  return path.length > MAX_PATH_LENGTH
    ? `At most ${MAX_PATH_LENGTH} revisions of a branch are accepted.`
    : { rev, path };
}

/** A deletion says that there is nothing; whatever else it said would be kept without having been checked. */
function parseTombstone(row: JsonObject): JsonObject | string {
  return Object.keys(row).every((key) => ALLOWED_UNDERSCORE_MEMBERS.includes(key))
    ? { _deleted: true }
    : 'A deleted revision holds nothing but _id, _rev, _revisions and _deleted.';
}

function parseLiveDocument(row: JsonObject, { readBody, now }: WriteRules): JsonObject | string {
  if (Object.hasOwn(row, '_deleted') && row['_deleted'] !== false) return '_deleted is not true or false.';
  const body = Object.fromEntries(Object.entries(row).filter(([key]) => key === '_id' || !key.startsWith('_')));
  const size = Buffer.byteLength(JSON.stringify(body));
  if (size > MAX_DOCUMENT_BYTES) return `The document has ${size} bytes; at most ${MAX_DOCUMENT_BYTES} are accepted.`;
  const read = readBody(body);
  if (!read.ok) return read.reason;
  // A reader may make an old version new; a revision that another replica made is stored as it is or not at all.
  if (body['version'] !== read.document.version)
    return `Only version ${read.document.version} of the document is accepted.`;
  const isAhead = Object.values<EditStamp>(read.document.edits).some(
    (stamp) => stampTime(stamp) > now + MAX_STAMP_AHEAD_MS,
  );
  return isAhead ? 'An edit is dated more than a day ahead.' : { ...read.document };
}
