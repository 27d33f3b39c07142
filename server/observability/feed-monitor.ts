import type { Logger } from 'pino';
import { seqNumber } from '../upstream/feed/row.ts';

/** The feeds that a gate follows. */
export const FEEDS = ['registry', 'sessions'] as const;
export type FeedName = (typeof FEEDS)[number];

/** How a feed is, for the metrics. Times in ms. */
export interface FeedStats {
  readonly connected: boolean;
  /** How often it, or an attempt at it, ended, and was made anew. */
  readonly restarts: number;
  /** How long ago the last byte came; undefined before the first. */
  readonly silenceMs: number | undefined;
  /** The number in front of the last change's sequence; undefined before the first. */
  readonly seq: number | undefined;
}

/** Watches one feed, and says in the log when it comes and goes. */
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

  /** A byte came, be it a heartbeat's. */
  onActivity(): void {
    this.#lastActivityAt = this.#now();
  }

  onRow(seq: string): void {
    this.#seq = seqNumber(seq);
    this.onActivity();
  }

  /** It was lost, or an attempt failed; of those there may be many, and the first says it. */
  onDisconnect(reason: string): void {
    const isFirstFailure = this.#connected || this.#restarts === 0;
    this.#connected = false;
    this.#restarts += 1;
    const details = { feed: this.#name, reason: redactContent(reason) };
    if (isFirstFailure) this.#log.warn(details, 'The feed is down.');
    else this.#log.debug(details, 'The feed is still down.');
  }
}

/** A parser's complaint quotes what it could not read, which is a piece of somebody's document. */
const redactContent = (reason: string): string => reason.replace(/^(unreadable [a-z ]+):.*$/s, '$1');
