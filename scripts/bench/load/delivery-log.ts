import { parseRevision } from '../../../couchdb-design/user-document/revisions.ts';
import { spreadOf, type Spread } from '../report/statistics.ts';

/** One write and what became of it. All times in ms, on one clock. */
export interface Write {
  readonly user: number;
  /** The revision's generation: known before the database has made the revision. */
  readonly generation: number;
  readonly sentAt: number;
  acknowledgedAt?: number;
  rev?: string;
  toldAt?: number;
  toldRev?: string;
}

export interface Deliveries {
  /** From the instant a write was sent to the database until its user's client had the row. */
  readonly fromSent: Spread | undefined;
  /** From the database's acknowledgement; 0 for a row that came before it. */
  readonly fromAcknowledged: Spread | undefined;
  /** Acknowledged, and never told: neither its revision nor a later one. */
  readonly lost: number;
  /** Told with another revision than the database had made of it: there can be none. */
  readonly mistold: number;
}

/** What was written and what was told of it. A row of a later revision tells of the earlier ones as well. */
export class Ledger {
  /** Writes that are not told, by user, the oldest first. */
  readonly #open = new Map<number, Set<Write>>();
  #done: Write[] = [];

  sent(user: number, generation: number, at: number): Write {
    const write: Write = { user, generation, sentAt: at };
    const open = this.#open.get(user) ?? new Set();
    this.#open.set(user, open.add(write));
    return write;
  }

  acknowledged(write: Write, rev: string, at: number): void {
    write.acknowledgedAt = at;
    write.rev = rev;
    if (write.toldAt !== undefined) this.#done.push(write);
  }

  /** The database did not take it, or did not say so: nobody has to be told. */
  failed(write: Write): void {
    this.#close(write);
  }

  /** The user's client was given a row with these leaves. */
  told(user: number, leaves: readonly string[], at: number): void {
    const open = this.#open.get(user);
    if (open === undefined) return;
    const revs = new Map(leaves.map((rev) => [parseRevision(rev)?.generation ?? 0, rev]));
    const newest = Math.max(...revs.keys());
    for (const write of [...open].filter(({ generation }) => generation <= newest)) {
      write.toldAt = at;
      const rev = revs.get(write.generation);
      if (rev !== undefined) write.toldRev = rev;
      if (write.acknowledgedAt !== undefined) this.#done.push(write);
      this.#close(write);
    }
  }

  /** How many acknowledged or unanswered writes nobody was told of yet. */
  get open(): number {
    let open = 0;
    for (const writes of this.#open.values()) open += writes.size;
    return open;
  }

  /** What became of all writes so far; the next ones are counted anew. */
  close(): Deliveries {
    const done = this.#done;
    const lost = [...this.#open.values()].flatMap((open) => [...open]);
    this.#done = [];
    this.#open.clear();
    return {
      fromSent: spreadOf(done.map(({ toldAt = 0, sentAt }) => toldAt - sentAt)),
      fromAcknowledged: spreadOf(
        done.map(({ toldAt = 0, acknowledgedAt = 0 }) => Math.max(toldAt - acknowledgedAt, 0)),
      ),
      lost: lost.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length,
      mistold: done.filter(({ rev, toldRev }) => toldRev !== undefined && toldRev !== rev).length,
    };
  }

  #close(write: Write): void {
    const open = this.#open.get(write.user);
    open?.delete(write);
    if (open?.size === 0) this.#open.delete(write.user);
  }
}
