import { LRUCache } from 'lru-cache';
import type { AccessRecord } from './access-records.ts';

/** Reads access records by document id. Resolves with a record for every id, or rejects. */
export type ReadAccessRecords = (ids: readonly string[]) => Promise<ReadonlyMap<string, AccessRecord>>;

export interface AccessRecordCacheOptions {
  readonly read: ReadAccessRecords;
  /** The maximum number of records. The least recently used one is evicted. */
  readonly maxEntries: number;
  /** How long a record is fresh, in ms. Called at each lookup, because it depends on whether the change feed is connected. */
  readonly maxAgeMs: () => number;
  /** The time in ms. */
  readonly now: () => number;
}

interface CacheEntry {
  readonly record: AccessRecord;
  readonly fetchedAt: number;
}

interface PendingRead {
  readonly ids: ReadonlySet<string>;
  /** The updates that arrived after the read started. */
  readonly updates: Map<string, AccessRecord>;
  invalidated: boolean;
}

/** An ended session stays ended, whatever an outdated replica of the database returns. */
const supersedes = (update: AccessRecord, current: AccessRecord | undefined): boolean =>
  current?.kind !== 'ended' || update.kind === 'ended';

/**
 * Caches access records.
 *
 * - An update that arrives during a read wins over the read, which may have seen the previous state.
 * - A read that was pending during `clear` returns its result without caching it.
 */
export class AccessRecordCache {
  readonly #read: ReadAccessRecords;
  readonly #maxAgeMs: () => number;
  readonly #now: () => number;
  /** The age is checked here, not by lru-cache: it varies, and an ended session never expires. */
  readonly #entries: LRUCache<string, CacheEntry>;
  readonly #pendingReads = new Set<PendingRead>();

  constructor({ read, maxEntries, maxAgeMs, now }: AccessRecordCacheOptions) {
    this.#read = read;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
    this.#entries = new LRUCache({ max: maxEntries });
  }

  /** Resolves with the records of all `ids`, reading those that are not cached. Rejects when the read fails. */
  async get(ids: readonly string[]): Promise<ReadonlyMap<string, AccessRecord>> {
    const records = new Map<string, AccessRecord>();
    for (const id of ids) {
      const record = this.#getFresh(id);
      if (record !== undefined) records.set(id, record);
    }
    const missing = ids.filter((id) => !records.has(id));
    return missing.length === 0 ? records : new Map([...records, ...(await this.#readMissing(missing))]);
  }

  /** Stores the current state of a document. */
  set(id: string, record: AccessRecord): void {
    for (const { ids, updates } of this.#pendingReads)
      if (ids.has(id) && supersedes(record, updates.get(id))) updates.set(id, record);
    this.#store(id, record, this.#now());
  }

  clear(): void {
    this.#entries.clear();
    for (const pendingRead of this.#pendingReads) pendingRead.invalidated = true;
  }

  #getFresh(id: string): AccessRecord | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    // A record from the future is one from before the clock was set back, and may have any age.
    const isStale = entry.record.kind !== 'ended' && Math.abs(this.#now() - entry.fetchedAt) > this.#maxAgeMs();
    if (!isStale) return entry.record;
    this.#entries.delete(id);
    return undefined;
  }

  #store(id: string, record: AccessRecord, fetchedAt: number): void {
    if (supersedes(record, this.#entries.peek(id)?.record)) this.#entries.set(id, { record, fetchedAt });
  }

  async #readMissing(ids: readonly string[]): Promise<ReadonlyMap<string, AccessRecord>> {
    const pendingRead: PendingRead = { ids: new Set(ids), updates: new Map(), invalidated: false };
    const startedAt = this.#now();
    this.#pendingReads.add(pendingRead);
    try {
      const records = new Map([...(await this.#read(ids)), ...pendingRead.updates]);
      for (const [id, record] of records) {
        // An absent session is not cached: it may not have reached the replica that was read.
        const isUncertain = record.kind === 'absent' && id.startsWith('session:');
        if (!pendingRead.invalidated && !pendingRead.updates.has(id) && !isUncertain)
          this.#store(id, record, startedAt);
      }
      return records;
    } finally {
      this.#pendingReads.delete(pendingRead);
    }
  }
}
