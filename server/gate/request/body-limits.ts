import { MAX_DOCUMENT_BYTES } from '../../../couchdb-design/user-document/user-document.ts';
import type { JsonLimits } from '../../lib/json-scan.ts';
import type { Target } from './target.ts';

/** What a body may contain. It is checked before the body is parsed. */
export interface BodyLimits extends JsonLimits {
  readonly maxBytes: number;
}

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** CouchDB's and PouchDB's default, which no application raises for a document of preferences. */
const REVS_LIMIT = 1_000;
/** An id of 32 digits with its quotation marks and comma. */
const REVISION_ID_BYTES = 35;
/** The members of a row beside the content and the revisions: `_id`, `_rev`, and the punctuation. */
const ROW_MEMBERS_BYTES = KIBIBYTE;

/** The largest row of a valid document: its content, and its path as `revs_limit` keeps it. */
export const MAX_HONEST_ROW_BYTES = MAX_DOCUMENT_BYTES + REVS_LIMIT * REVISION_ID_BYTES + ROW_MEMBERS_BYTES;

/**
 * Limits of one document: a row of a batch, or the body of a `PUT`. A document of 64 KiB has less than 32,768 values, and is nested
 * at most 16 levels deep. One that an operator has stored may be larger, and deeper (100 levels), and stays writable.
 */
export const ROW_LIMITS: BodyLimits = { maxBytes: MEBIBYTE, maxDepth: 120, maxValues: 60_000 };

/**
 * A batch, apart from its rows. It has two members, and the parser ignores any other. 32 leaves of 64 KiB with their paths have 3.1 MiB
 * (`MAX_HONEST_ROW_BYTES`). A batch of this size also has room for 110 leaves of small documents with paths of 1,000 revisions.
 */
const BATCH_LIMITS: BodyLimits = { maxBytes: 4 * MEBIBYTE, maxDepth: 8, maxValues: 100 };

/** A body that the gate ignores, or whose largest honest form has a few hundred bytes. */
const SMALL: BodyLimits = { maxBytes: 64 * KIBIBYTE, maxDepth: 32, maxValues: 4_000 };

/** Lists of ids and revisions. */
const LISTS: BodyLimits = { maxBytes: 256 * KIBIBYTE, maxDepth: 8, maxValues: 16_000 };

/** The limits of each target's body. docs/internals.md lists the largest honest request of each. */
export const BODY_LIMITS: Readonly<Record<Exclude<Target['kind'], 'welcome'>, BodyLimits>> = {
  database: SMALL,
  // PouchDB and CouchDB's replicator send `{"doc_ids": [<own>]}`. The document set of a user has at most 64 ids.
  changes: SMALL,
  'ensure-full-commit': SMALL,
  // A CouchDB's replicator keeps up to 50 histories of some 400 bytes.
  checkpoint: { maxBytes: 128 * KIBIBYTE, maxDepth: 32, maxValues: 4_000 },
  // PouchDB: `{"id", "rev"}` per leaf, 80 bytes with a usual id, so 200 kB for 2,500 leaves. CouchDB's replicator: 500 rows, with
  // `atts_since` 150 bytes each.
  'bulk-get': LISTS,
  // 38 bytes per leaf: 76 kB for the 2,000 leaves that a batch may have. CouchDB's replicator: 500 ids, 150 bytes each.
  'revs-diff': LISTS,
  document: ROW_LIMITS,
  'bulk-docs': BATCH_LIMITS,
};

export const MAX_BATCH_BYTES = BATCH_LIMITS.maxBytes;
