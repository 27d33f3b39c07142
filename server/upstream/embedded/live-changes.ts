import type { ServerResponse } from 'node:http';
import { formatSequence, readChanges, type Changes, type ChangesOptions } from './changes.ts';
import type { EngineDatabase } from './database.ts';
import type { ChangeRow, Json } from './pouchdb.ts';

/** The text of a live feed. `rows` also returns whether the feed continues after them. */
export interface FeedFormat {
  readonly head: string;
  rows(rows: readonly ChangeRow[], lastSequence: number): { text: string; continues: boolean };
  end(lastSequence: number): string;
}

/** Times in ms. With a heartbeat the feed has no timeout. */
export interface FeedTiming {
  readonly heartbeat: number | undefined;
  readonly timeout: number;
}

interface LiveChangesOptions {
  readonly database: EngineDatabase;
  readonly changes: ChangesOptions;
  readonly response: ServerResponse;
  readonly timing: FeedTiming;
  readonly format: FeedFormat;
}

/** One live `_changes` response: rows as they are written, heartbeats between them, and a last line. */
export class LiveChanges {
  readonly #database: EngineDatabase;
  readonly #changes: ChangesOptions;
  readonly #response: ServerResponse;
  readonly #timing: FeedTiming;
  readonly #format: FeedFormat;
  readonly #signal = new Signal();
  #isEnded = false;
  #since: number;
  #remaining: number;
  #needsInitialNewline: boolean;
  #stopTimer: () => void = () => undefined;

  constructor({ database, changes, response, timing, format }: LiveChangesOptions, since: number) {
    this.#database = database;
    this.#changes = changes;
    this.#response = response;
    this.#timing = timing;
    this.#format = format;
    this.#since = since;
    this.#remaining = changes.limit ?? Number.POSITIVE_INFINITY;
    this.#needsInitialNewline = format.head === '';
  }

  /** Sends the feed until its limit, timeout, or the end of the client or the database. Rejects if the first read fails. */
  async send(): Promise<void> {
    const end = (): void => {
      this.#isEnded = true;
      this.#signal.notify();
    };
    const unsubscribe = this.#database.subscribe(() => this.#signal.notify());
    this.#response.once('close', end);
    // The client may have disconnected while its request was authenticated. No `close` event follows then.
    if (this.#response.destroyed) end();
    this.#startTimer(end);
    try {
      await this.#writeUntilEnd(end);
    } finally {
      this.#stopTimer();
      unsubscribe();
      this.#response.removeListener('close', end);
      this.#response.end();
    }
  }

  async #writeUntilEnd(end: () => void): Promise<void> {
    // The first read precedes the headers, so that an invalid request still gets an error status.
    let changes = await this.#read();
    this.#writeHead();
    for (;;) {
      this.#since = Math.max(this.#since, changes.lastSequence);
      if (this.#isOver()) break;
      if (changes.rows.length > 0) {
        if (!this.#writeRows(changes.rows)) return;
        if (this.#remaining <= 0) break;
        this.#startTimer(end);
      }
      this.#writeInitialNewline();
      await this.#signal.wait();
      if (this.#isOver()) break;
      changes = await this.#read();
    }
    this.#response.write(this.#format.end(this.#since));
  }

  #read(): Promise<Changes> {
    const limit = Number.isFinite(this.#remaining) ? this.#remaining : undefined;
    return readChanges(this.#database, { ...this.#changes, limit }, this.#since);
  }

  #writeHead(): void {
    this.#response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    this.#response.flushHeaders();
    this.#response.write(this.#format.head);
  }

  /** Returns whether the feed continues. */
  #writeRows(rows: readonly ChangeRow[]): boolean {
    const { text, continues } = this.#format.rows(rows, this.#since);
    this.#response.write(text);
    this.#needsInitialNewline = false;
    this.#remaining -= rows.length;
    return continues;
  }

  /** CouchDB sends a newline at once when it starts to wait and has sent nothing (chttpd_db.erl, waiting_for_updates). */
  #writeInitialNewline(): void {
    if (this.#needsInitialNewline) this.#response.write('\n');
    this.#needsInitialNewline = false;
  }

  #isOver(): boolean {
    return this.#isEnded || this.#database.isDestroyed;
  }

  /** Restarts the heartbeat or the timeout. */
  #startTimer(end: () => void): void {
    this.#stopTimer();
    const { heartbeat, timeout } = this.#timing;
    if (heartbeat === undefined) {
      const timer = setTimeout(end, timeout);
      this.#stopTimer = () => clearTimeout(timer);
      return;
    }
    const timer = setInterval(() => {
      if (this.#response.headersSent) this.#response.write('\n');
    }, heartbeat);
    this.#stopTimer = () => clearInterval(timer);
  }
}

/** A signal that stays set until one waiter has received it. */
class Signal {
  #isNotified = false;
  #resolveWait: (() => void) | undefined;

  notify(): void {
    this.#isNotified = true;
    this.#resolveWait?.();
  }

  async wait(): Promise<void> {
    if (!this.#isNotified) await new Promise<void>((resolve) => (this.#resolveWait = resolve));
    this.#isNotified = false;
    this.#resolveWait = undefined;
  }
}

/** Formats a change as a row of `_changes`. */
export const formatRow = ({ seq, id, changes, deleted, doc }: ChangeRow): Json => ({
  seq: formatSequence(seq),
  id,
  changes: changes.map(({ rev }) => ({ rev })),
  ...(deleted === true ? { deleted: true } : {}),
  ...(doc === undefined ? {} : { doc }),
});
