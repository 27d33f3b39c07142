import type { Logger } from 'pino';
import { seqNumber } from '../upstream/feed/row.ts';

/** The upstream feeds that a gate follows. */
export const FEEDS = ['registry', 'sessions'] as const;
export type FeedName = (typeof FEEDS)[number];

/** The state of a feed, for the metrics. */
export interface FeedStats {
  readonly connected: boolean;
  /** How often the feed, or an attempt to connect to it, ended. */
  readonly restarts: number;
  /** The time since the last byte, in ms; `undefined` before the first. */
  readonly silenceMs: number | undefined;
  /** The numeric part of the last change's sequence; `undefined` before the first. */
  readonly seq: number | undefined;
}

/** Monitors one feed and logs when it connects and disconnects. */
export class FeedMonitor implements FeedStats {
  readonly #name: FeedName;
  readonly #log: Logger;
  readonly #now: () => number;
  #connected = false;
  #restarts = 0;
  #lastActivityAt: number | undefined;
  #seq: number | undefined;

  constructor(name: FeedName, log: Logger, now: () => number = () => performance.now()) {
    this.#name = name;
    this.#log = log;
    this.#now = now;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get silenceMs(): number | undefined {
    return this.#lastActivityAt === undefined ? undefined : this.#now() - this.#lastActivityAt;
  }

  get seq(): number | undefined {
    return this.#seq;
  }

  onConnect(): void {
    this.#connected = true;
    this.onActivity();
    this.#log.info({ feed: this.#name, restarts: this.#restarts }, 'The feed is up.');
  }

  /** Call it for every byte received, heartbeats included. */
  onActivity(): void {
    this.#lastActivityAt = this.#now();
  }

  onRow(seq: string): void {
    this.#seq = seqNumber(seq);
    this.onActivity();
  }

  /** Call it when the connection ends or an attempt fails. Only the first failure in a row is a warning. */
  onDisconnect(reason: string): void {
    const isFirstFailure = this.#connected || this.#restarts === 0;
    this.#connected = false;
    this.#restarts += 1;
    const details = { feed: this.#name, reason: redactContent(reason) };
    if (isFirstFailure) this.#log.warn(details, 'The feed is down.');
    else this.#log.debug(details, 'The feed is still down.');
  }
}

/** Removes the parser's quotation of the unreadable text, which is part of a user's document. */
const redactContent = (reason: string): string => reason.replace(/^(unreadable [a-z ]+):.*$/s, '$1');
