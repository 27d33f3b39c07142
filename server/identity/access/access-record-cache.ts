import type { AccessRecord } from './access-records.ts';

/** Asks the database for facts by document id; every id is answered, or it rejects. */
export type ReadAccessRecords = (ids: readonly string[]) => Promise<ReadonlyMap<string, AccessRecord>>;

export interface AccessRecordCache {
  /** Facts for all of `ids`: remembered ones, and read ones for the rest. Rejects when they cannot be read. */
  get(ids: readonly string[]): Promise<ReadonlyMap<string, AccessRecord>>;
  /** Takes news, as of now, about a document. */
  set(id: string, fact: AccessRecord): void;
  clear(): void;
}

export interface AccessRecordCacheOptions {
  readonly read: ReadAccessRecords;
  /** How many facts are remembered at the most. */
  readonly maxEntries: number;
  /** How long a fact is believed, in ms. Asked each time, since it depends on whether news arrive. */
  readonly maxAgeMs: () => number;
  readonly now: () => number;
}

interface CacheEntry {
  readonly record: AccessRecord;
  readonly fetchedAt: number;
}

interface PendingRead {
  readonly ids: ReadonlySet<string>;
  /** What was noted since it began. */
  readonly updates: Map<string, AccessRecord>;
  invalidated: boolean;
}

/** A session that has ended stays so, whatever an older copy of the database says. */
const supersedes = (update: AccessRecord, current: AccessRecord | undefined): boolean =>
  current?.kind !== 'ended' || update.kind === 'ended';

/**
 * Remembers facts. What is noted while a read is under way wins over the read, which may have seen the state before;
 * and a read that a `clear` overtook is answered with but not remembered.
 */
export function createAccessRecordCache({
  read,
  maxEntries,
  maxAgeMs,
  now,
}: AccessRecordCacheOptions): AccessRecordCache {
  // In the order of use: the first is the one to forget.
  const entries = new Map<string, CacheEntry>();
  const pendingReads = new Set<PendingRead>();

  const getFresh = (id: string): AccessRecord | undefined => {
    const entry = entries.get(id);
    if (entry === undefined) return undefined;
    entries.delete(id);
    // What has ended stays so, however old the news.
    if (entry.record.kind !== 'ended' && now() - entry.fetchedAt > maxAgeMs()) return undefined;
    entries.set(id, entry);
    return entry.record;
  };

  const store = (id: string, record: AccessRecord, fetchedAt: number): void => {
    if (!supersedes(record, entries.get(id)?.record)) return;
    entries.delete(id);
    entries.set(id, { record, fetchedAt });
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) break;
      entries.delete(oldest);
    }
  };

  const readMissing = async (ids: readonly string[]): Promise<ReadonlyMap<string, AccessRecord>> => {
    const pendingRead: PendingRead = { ids: new Set(ids), updates: new Map(), invalidated: false };
    const startedAt = now();
    pendingReads.add(pendingRead);
    try {
      const records = new Map([...(await read(ids)), ...pendingRead.updates]);
      for (const [id, fact] of records) {
        // An absent session is not remembered: it may only have not arrived yet at the copy that was asked.
        const isUncertain = fact.kind === 'absent' && id.startsWith('session:');
        if (!pendingRead.invalidated && !pendingRead.updates.has(id) && !isUncertain) store(id, fact, startedAt);
      }
      return records;
    } finally {
      pendingReads.delete(pendingRead);
    }
  };

  return {
    get: async (ids) => {
      const facts = new Map<string, AccessRecord>();
      for (const id of ids) {
        const fact = getFresh(id);
        if (fact !== undefined) facts.set(id, fact);
      }
      const unknown = ids.filter((id) => !facts.has(id));
      return unknown.length === 0 ? facts : new Map([...facts, ...(await readMissing(unknown))]);
    },
    set: (id, fact) => {
      for (const { ids, updates } of pendingReads)
        if (ids.has(id) && supersedes(fact, updates.get(id))) updates.set(id, fact);
      store(id, fact, now());
    },
    clear: () => {
      entries.clear();
      for (const underWay of pendingReads) underWay.invalidated = true;
    },
  };
}
