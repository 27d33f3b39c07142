import { setTimeout as delay } from 'node:timers/promises';
import type { UpstreamAccess } from '../client.ts';
import { readFeed, type FeedResult } from './connection.ts';
import type { FeedEnd, FeedRow } from './row.ts';

/** Options of a followed feed. Times in ms. */
export interface FeedOptions {
  readonly access: UpstreamAccess;
  readonly database: string;
  /** Called for each change, in the feed's order. */
  readonly onRow: (row: FeedRow) => void;
  /** Called each time the feed connects. Changes before this moment that were not reported may have been missed. */
  readonly onConnect: () => void;
  /** Called each time an attempt or a connection ends, with a reason for the log. */
  readonly onDisconnect: (reason: string) => void;
  /** Called for each received line, heartbeats included: proof that the feed is alive. */
  readonly onActivity?: () => void;
  /** Default: false. */
  readonly includeDocs?: boolean;
  /** Interval at which CouchDB sends a newline; default 5,000. After 2.5 intervals without a byte the feed is dead. */
  readonly heartbeat?: number | undefined;
  /** Returns a number in [0, 1) for jitter, so that many gates do not reconnect at once. Default: `Math.random`. */
  readonly random?: () => number;
}

/** A running feed. */
export interface Feed {
  readonly connected: boolean;
  /** Ends the feed. No callback is called afterwards. */
  close(): void;
}

const DEFAULT_HEARTBEAT_MS = 5_000;
/** Delays between attempts. The first is short, since most interruptions are. */
const BACKOFF_MS = { initial: 100, max: 5_000 } as const;
/**
 * Limit of consecutive invalid responses without a change. Beyond it the feed resumes from `now`: the upstream may not
 * accept the sequence, or what follows it may be unreadable. Nothing is lost, since every waiter is read again on connect.
 */
const MAX_CONSECUTIVE_INVALID_FEEDS = 3;

/**
 * Follows a database's changes over one connection until closed: `feed=continuous&style=all_docs`, so that a row carries
 * every leaf. It resumes after the last sequence with jittered exponential backoff, and a watchdog closes a connection
 * without heartbeats. https://docs.couchdb.org/en/stable/api/database/changes.html#continuous
 */
export function followChanges(options: FeedOptions): Feed {
  return new ReconnectingFeed(options);
}

class ReconnectingFeed implements Feed {
  readonly #options: FeedOptions;
  readonly #heartbeatMs: number;
  readonly #random: () => number;
  readonly #closing = new AbortController();
  #since = 'now';
  #connectedAt: number | undefined;
  #delayMs: number = BACKOFF_MS.initial;
  #invalidCount = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeat ?? DEFAULT_HEARTBEAT_MS;
    this.#random = options.random ?? Math.random;
    void this.#run();
  }

  get connected(): boolean {
    return this.#connectedAt !== undefined;
  }

  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      const { reason, isInvalid } = await this.#readConnection();
      const wasStable = this.#hasLastedHeartbeat();
      this.#connectedAt = undefined;
      if (signal.aborted) return;
      this.#invalidCount = isInvalid ? this.#invalidCount + 1 : 0;
      if (this.#invalidCount >= MAX_CONSECUTIVE_INVALID_FEEDS) this.#since = 'now';
      this.#options.onDisconnect(reason);
      if (wasStable) this.#delayMs = BACKOFF_MS.initial;
      try {
        await delay(this.#delayMs * (0.5 + this.#random() / 2), undefined, { signal });
      } catch {
        return;
      }
      this.#delayMs = Math.min(this.#delayMs * 2, BACKOFF_MS.max);
    }
  }

  /** Reads one connection until it ends. */
  #readConnection(): Promise<FeedResult> {
    const { access, database, includeDocs = false, onActivity = () => undefined, onConnect } = this.#options;
    return readFeed({
      access,
      database,
      includeDocs,
      heartbeat: this.#heartbeatMs,
      since: this.#since,
      signal: this.#closing.signal,
      onActivity,
      onConnect: () => {
        this.#connectedAt = performance.now();
        onConnect();
      },
      onRow: (row) => this.#handleRow(row),
    });
  }

  #handleRow(row: FeedRow | FeedEnd): void {
    this.#since = row.seq;
    this.#invalidCount = 0;
    if (row.kind === 'change') this.#options.onRow(row);
  }

  /**
   * Whether the connection lasted for a heartbeat, after which the next delay is short again. A connect alone does not
   * count: an upstream that ends every feed at once would be polled in a loop, and every waiter read again each time.
   */
  #hasLastedHeartbeat(): boolean {
    return this.#connectedAt !== undefined && performance.now() - this.#connectedAt >= this.#heartbeatMs;
  }
}
