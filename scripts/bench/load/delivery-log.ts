import { parseRevision } from '../../../couchdb-design/user-document/revisions.ts';
import { summarizeTimes, type TimeSummary } from '../report/statistics.ts';

/** One write and what became of it. All times in ms, on one clock. */
export interface Write {
  readonly user: number;
  /** The revision's generation: known before the database has made the revision. */
  readonly generation: number;
  readonly sentAt: number;
  acknowledgedAt?: number;
  rev?: string;
  deliveredAt?: number;
  deliveredRev?: string;
}

export interface DeliveryResult {
  /** From the instant a write was sent to the database until its user's client had the row. */
  readonly fromSent: TimeSummary | undefined;
  /** From the database's acknowledgement; 0 for a row that came before it. */
  readonly fromAcknowledged: TimeSummary | undefined;
  /** Acknowledged, and never told: neither its revision nor a later one. */
  readonly lost: number;
  /** Told with another revision than the database had made of it: there can be none. */
  readonly wrongRevision: number;
}

/** What was written and what was told of it. A row of a later revision tells of the earlier ones as well. */
export class DeliveryLog {
  /** Writes that are not told, by user, the oldest first. */
  readonly #pending = new Map<number, Set<Write>>();
  #delivered: Write[] = [];

  recordSent(user: number, generation: number, at: number): Write {
    const write: Write = { user, generation, sentAt: at };
    const open = this.#pending.get(user) ?? new Set();
    this.#pending.set(user, open.add(write));
    return write;
  }

  recordAcknowledged(write: Write, rev: string, at: number): void {
    write.acknowledgedAt = at;
    write.rev = rev;
    if (write.deliveredAt !== undefined) this.#delivered.push(write);
  }

  /** The database did not take it, or did not say so: nobody has to be told. */
  recordFailed(write: Write): void {
    this.#removePending(write);
  }

  /** The user's client was given a row with these leaves. */
  recordDelivered(user: number, leaves: readonly string[], at: number): void {
    const open = this.#pending.get(user);
    if (open === undefined) return;
    const revs = new Map(leaves.map((rev) => [parseRevision(rev)?.generation ?? 0, rev]));
    const newest = Math.max(...revs.keys());
    for (const write of [...open].filter(({ generation }) => generation <= newest)) {
      write.deliveredAt = at;
      const rev = revs.get(write.generation);
      if (rev !== undefined) write.deliveredRev = rev;
      if (write.acknowledgedAt !== undefined) this.#delivered.push(write);
      this.#removePending(write);
    }
  }

  /** How many acknowledged or unanswered writes nobody was told of yet. */
  get pendingCount(): number {
    let open = 0;
    for (const writes of this.#pending.values()) open += writes.size;
    return open;
  }

  /** What became of all writes so far; the next ones are counted anew. */
  takeResult(): DeliveryResult {
    const done = this.#delivered;
    const lost = [...this.#pending.values()].flatMap((open) => [...open]);
    this.#delivered = [];
    this.#pending.clear();
    return {
      fromSent: summarizeTimes(done.map(({ deliveredAt = 0, sentAt }) => deliveredAt - sentAt)),
      fromAcknowledged: summarizeTimes(
        done.map(({ deliveredAt = 0, acknowledgedAt = 0 }) => Math.max(deliveredAt - acknowledgedAt, 0)),
      ),
      lost: lost.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length,
      wrongRevision: done.filter(({ rev, deliveredRev }) => deliveredRev !== undefined && deliveredRev !== rev).length,
    };
  }

  #removePending(write: Write): void {
    const open = this.#pending.get(write.user);
    open?.delete(write);
    if (open?.size === 0) this.#pending.delete(write.user);
  }
}
