import type { Logger } from 'pino';
import { seqNumber } from '../upstream/feed/row.ts';

/** The feeds that a gate follows. */
export const FEEDS = ['registry', 'sessions'] as const;
export type FeedName = (typeof FEEDS)[number];

/** How a feed is, for the metrics. Times in ms. */
export interface FeedFigures {
  readonly up: boolean;
  /** How often it, or an attempt at it, ended, and was made anew. */
  readonly restarts: number;
  /** How long ago the last byte came; undefined before the first. */
  readonly silence: number | undefined;
  /** The number in front of the last change's sequence; undefined before the first. */
  readonly seq: number | undefined;
}

/** Watches one feed, and says in the log when it comes and goes. */
export class FeedWatch implements FeedFigures {
  readonly #name: FeedName;
  readonly #log: Logger;
  readonly #now: () => number;
  #up = false;
  #restarts = 0;
  #heardAt: number | undefined;
  #seq: number | undefined;

  constructor(name: FeedName, log: Logger, now: () => number = () => performance.now()) {
    this.#name = name;
    this.#log = log;
    this.#now = now;
  }

  get up(): boolean {
    return this.#up;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get silence(): number | undefined {
    return this.#heardAt === undefined ? undefined : this.#now() - this.#heardAt;
  }

  get seq(): number | undefined {
    return this.#seq;
  }

  onUp(): void {
    this.#up = true;
    this.onHeard();
    this.#log.info({ feed: this.#name, restarts: this.#restarts }, 'The feed is up.');
  }

  /** A byte came, be it a heartbeat's. */
  onHeard(): void {
    this.#heardAt = this.#now();
  }

  onRow(seq: string): void {
    this.#seq = seqNumber(seq);
    this.onHeard();
  }

  /** It was lost, or an attempt failed; of those there may be many, and the first says it. */
  onDown(reason: string): void {
    const isNews = this.#up || this.#restarts === 0;
    this.#up = false;
    this.#restarts += 1;
    const details = { feed: this.#name, reason: withoutContent(reason) };
    if (isNews) this.#log.warn(details, 'The feed is down.');
    else this.#log.debug(details, 'The feed is still down.');
  }
}

/** A parser's complaint quotes what it could not read, which is a piece of somebody's document. */
const withoutContent = (reason: string): string => reason.replace(/^(unreadable [a-z ]+):.*$/s, '$1');
