import type { Fact } from './access-records.ts';

/** Asks the database for facts by document id; every id is answered, or it rejects. */
export type ReadFacts = (ids: readonly string[]) => Promise<ReadonlyMap<string, Fact>>;

export interface FactCache {
  /** Facts for all of `ids`: remembered ones, and read ones for the rest. Rejects when they cannot be read. */
  get(ids: readonly string[]): Promise<ReadonlyMap<string, Fact>>;
  /** Takes news, as of now, about a document. */
  note(id: string, fact: Fact): void;
  clear(): void;
}

export interface FactCacheOptions {
  readonly read: ReadFacts;
  /** How many facts are remembered at the most. */
  readonly limit: number;
  /** How long a fact is believed, in ms. Asked each time, since it depends on whether news arrive. */
  readonly maxAge: () => number;
  readonly now: () => number;
}

interface Remembered {
  readonly fact: Fact;
  readonly at: number;
}

interface ReadUnderWay {
  readonly ids: ReadonlySet<string>;
  /** What was noted since it began. */
  readonly news: Map<string, Fact>;
  overtaken: boolean;
}

/** A session that has ended stays so, whatever an older copy of the database says. */
const supersedes = (news: Fact, known: Fact | undefined): boolean => known?.kind !== 'ended' || news.kind === 'ended';

/**
 * Remembers facts. What is noted while a read is under way wins over the read, which may have seen the state before;
 * and a read that a `clear` overtook is answered with but not remembered.
 */
export function createFactCache({ read, limit, maxAge, now }: FactCacheOptions): FactCache {
  // In the order of use: the first is the one to forget.
  const remembered = new Map<string, Remembered>();
  const readsUnderWay = new Set<ReadUnderWay>();

  const recall = (id: string): Fact | undefined => {
    const known = remembered.get(id);
    if (known === undefined) return undefined;
    remembered.delete(id);
    // What has ended stays so, however old the news.
    if (known.fact.kind !== 'ended' && now() - known.at > maxAge()) return undefined;
    remembered.set(id, known);
    return known.fact;
  };

  const remember = (id: string, fact: Fact, at: number): void => {
    if (!supersedes(fact, remembered.get(id)?.fact)) return;
    remembered.delete(id);
    remembered.set(id, { fact, at });
    for (const oldest of remembered.keys()) {
      if (remembered.size <= limit) break;
      remembered.delete(oldest);
    }
  };

  const readAnew = async (ids: readonly string[]): Promise<ReadonlyMap<string, Fact>> => {
    const underWay: ReadUnderWay = { ids: new Set(ids), news: new Map(), overtaken: false };
    const began = now();
    readsUnderWay.add(underWay);
    try {
      const facts = new Map([...(await read(ids)), ...underWay.news]);
      for (const [id, fact] of facts) {
        // An absent session is not remembered: it may only have not arrived yet at the copy that was asked.
        const isDoubtful = fact.kind === 'absent' && id.startsWith('session:');
        if (!underWay.overtaken && !underWay.news.has(id) && !isDoubtful) remember(id, fact, began);
      }
      return facts;
    } finally {
      readsUnderWay.delete(underWay);
    }
  };

  return {
    get: async (ids) => {
      const facts = new Map<string, Fact>();
      for (const id of ids) {
        const fact = recall(id);
        if (fact !== undefined) facts.set(id, fact);
      }
      const unknown = ids.filter((id) => !facts.has(id));
      return unknown.length === 0 ? facts : new Map([...facts, ...(await readAnew(unknown))]);
    },
    note: (id, fact) => {
      for (const { ids, news } of readsUnderWay) if (ids.has(id) && supersedes(fact, news.get(id))) news.set(id, fact);
      remember(id, fact, now());
    },
    clear: () => {
      remembered.clear();
      for (const underWay of readsUnderWay) underWay.overtaken = true;
    },
  };
}
