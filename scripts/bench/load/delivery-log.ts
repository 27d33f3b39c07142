import { parseRevision } from '../../../couchdb-design/user-document/revisions.ts';
import { summarizeTimes, type TimeSummary } from '../report/statistics.ts';

/** One write and its delivery. All times are in ms on one clock. */
export interface Write {
  readonly user: number;
  /** Generation of the new revision, which is known before the database creates the revision. */
  readonly generation: number;
  readonly sentAt: number;
  acknowledgedAt?: number;
  rev?: string;
  deliveredAt?: number;
  deliveredRev?: string;
}

export interface DeliveryResult {
  /** From sending the write to the database until the user's client received the row. */
  readonly fromSent: TimeSummary | undefined;
  /** From the database's acknowledgement until the user's client received the row; 0 if the row came first. */
  readonly fromAcknowledged: TimeSummary | undefined;
  /** Acknowledged writes for which neither their revision nor a later one was delivered. */
  readonly lost: number;
  /** Writes delivered with a revision other than the acknowledged one. Always 0 unless there is a bug. */
  readonly wrongRevision: number;
}

/** Matches writes to the rows that deliver them. A row with a later revision also delivers the earlier ones. */
export class DeliveryLog {
  /** Undelivered writes by user, oldest first. */
  readonly #pending = new Map<number, Set<Write>>();
  #delivered: Write[] = [];

  recordSent(user: number, generation: number, at: number): Write {
    const write: Write = { user, generation, sentAt: at };
    const userWrites = this.#pending.get(user) ?? new Set();
    this.#pending.set(user, userWrites.add(write));
    return write;
  }

  recordAcknowledged(write: Write, rev: string, at: number): void {
    write.acknowledgedAt = at;
    write.rev = rev;
    if (write.deliveredAt !== undefined) this.#delivered.push(write);
  }

  /** Drops a write that the database rejected or did not acknowledge: its delivery is not expected. */
  recordFailed(write: Write): void {
    this.#removePending(write);
  }

  /** Marks the user's writes up to the newest of these leaves as delivered. */
  recordDelivered(user: number, leaves: readonly string[], at: number): void {
    const userWrites = this.#pending.get(user);
    if (userWrites === undefined) return;
    const revs = new Map(leaves.map((rev) => [parseRevision(rev)?.generation ?? 0, rev]));
    const newest = Math.max(...revs.keys());
    for (const write of [...userWrites].filter(({ generation }) => generation <= newest)) {
      write.deliveredAt = at;
      const rev = revs.get(write.generation);
      if (rev !== undefined) write.deliveredRev = rev;
      if (write.acknowledgedAt !== undefined) this.#delivered.push(write);
      this.#removePending(write);
    }
  }

  /** Undelivered writes, whether acknowledged or still without a response. */
  get pendingCount(): number {
    let count = 0;
    for (const writes of this.#pending.values()) count += writes.size;
    return count;
  }

  /** Returns the result for all writes so far, and starts over with an empty log. */
  takeResult(): DeliveryResult {
    const delivered = this.#delivered;
    const undelivered = [...this.#pending.values()].flatMap((writes) => [...writes]);
    this.#delivered = [];
    this.#pending.clear();
    return {
      fromSent: summarizeTimes(delivered.map(({ deliveredAt = 0, sentAt }) => deliveredAt - sentAt)),
      fromAcknowledged: summarizeTimes(
        delivered.map(({ deliveredAt = 0, acknowledgedAt = 0 }) => Math.max(deliveredAt - acknowledgedAt, 0)),
      ),
      lost: undelivered.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length,
      wrongRevision: delivered.filter(({ rev, deliveredRev }) => deliveredRev !== undefined && deliveredRev !== rev)
        .length,
    };
  }

  #removePending(write: Write): void {
    const userWrites = this.#pending.get(write.user);
    userWrites?.delete(write);
    if (userWrites?.size === 0) this.#pending.delete(write.user);
  }
}
