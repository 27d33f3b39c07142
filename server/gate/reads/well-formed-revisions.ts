import { LRUCache } from 'lru-cache';
import { needsRepair, type UserDocumentReader } from '../../../couchdb-design/user-document/read-user-document.ts';
import { getString } from '../../lib/json.ts';

/** Each device of a user reads a revision once, soon after it was written. */
const MAX_REVISIONS = 10_000;

/**
 * Checks whether documents are read unchanged, which takes some 20 µs or more. A revision's content does not change, so each is checked
 * once as long as it is among the latest. Malformed ones are not cached: each read of one starts a repair.
 */
export class WellFormedRevisions {
  readonly #read: UserDocumentReader;
  readonly #known = new LRUCache<string, true>({ max: MAX_REVISIONS });

  constructor(read: UserDocumentReader) {
    this.#read = read;
  }

  /** Whether a stored body needs no repair. One that cannot be read needs none either. */
  has(body: unknown): boolean {
    const [id, rev] = [getString(body, '_id'), getString(body, '_rev')];
    const key = id === undefined || rev === undefined ? undefined : `${id} ${rev}`;
    if (key !== undefined && this.#known.get(key) === true) return true;
    if (needsRepair(body, this.#read)) return false;
    if (key !== undefined) this.#known.set(key, true);
    return true;
  }
}
