import { agreeingInterval, offsetIntervalOf, type DatedResponse, type OffsetInterval } from './offset-interval.ts';

export interface UpstreamClockOptions {
  /** Returns this machine's time in ms since 1970. It may jump. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Returns the ms since an arbitrary moment. It never jumps. Default: `performance.now`. */
  readonly elapsed?: (() => number) | undefined;
  /** Called after each response that has a date. */
  readonly onEstimate?: ((offset: ClockOffset) => void) | undefined;
}

/** How far the clocks are apart. */
export interface ClockOffset {
  /** The upstream's time minus this machine's, in ms. */
  readonly offsetMs: number;
  /** Half the width of the interval in which the offset lies, in ms. */
  readonly uncertaintyMs: number;
  /** This machine's time, in ms since 1970. */
  readonly localTime: number;
}

/** The most recent responses, of which most must agree. So one odd response, or one node of several, changes nothing. */
const MAX_RESPONSES = 15;
/** Older responses count only until there is a newer one: clocks drift. */
const MAX_RESPONSE_AGE_MS = 5 * 60_000;
/**
 * Twice the resolution of the header. A time is corrected only if the clocks certainly differ by more than this, so that neither
 * the resolution nor a slow response corrects a time that is right.
 */
const MIN_CORRECTION_MS = 2_000;
/** A greater change of this machine's time against the elapsed time is a jump, or the machine was suspended. */
const MAX_DRIFT_MS = 1_000;

interface Sample {
  readonly interval: OffsetInterval;
  readonly receivedAt: number;
}

/**
 * The upstream's clock, as the `Date` headers of its responses show it. It needs no requests of its own. Each stamp of an edit
 * follows a read of the document, so the estimate is as recent as that.
 *
 * The estimate is relative to the elapsed time of the process, so a jump of this machine's clock does not change it. After a
 * jump the next response starts a new estimate, because a suspended machine looks the same.
 */
export class UpstreamClock {
  readonly #now: () => number;
  readonly #elapsed: () => number;
  readonly #onEstimate: (offset: ClockOffset) => void;
  /** The newest first. */
  #samples: readonly Sample[] = [];
  /** The upstream's time at `elapsed() = 0`. */
  #origin: OffsetInterval | undefined;
  /** This machine's time at `elapsed() = 0`, at the last response. */
  #localOrigin = Number.NaN;

  constructor({ now = Date.now, elapsed = () => performance.now(), onEstimate }: UpstreamClockOptions = {}) {
    this.#now = now;
    this.#elapsed = elapsed;
    this.#onEstimate = onEstimate ?? (() => undefined);
  }

  /** Returns the ms since an arbitrary moment, by a clock that never jumps: the time of a request for `onResponse`. */
  readonly elapsed = (): number => this.#elapsed();

  /** Returns the upstream's time in ms since 1970: this machine's time, unless that is off by seconds. */
  readonly now = (): number => {
    const local = this.#now();
    return local + this.#correctionAt(local);
  };

  /** Whether this machine's time is off, so that `now` differs from it. */
  get isCorrected(): boolean {
    return this.#correctionAt(this.#now()) !== 0;
  }

  /** The difference of the clocks; undefined before the first response. */
  get offset(): ClockOffset | undefined {
    return this.#offsetAt(this.#now());
  }

  /**
   * Records the date of a response.
   *
   * @param date - The header `Date`.
   * @param sentAt - What `elapsed` returned when the request was sent.
   */
  onResponse(date: string | undefined, sentAt: DatedResponse['sentAt']): void {
    const receivedAt = this.#elapsed();
    const interval = offsetIntervalOf({ date, sentAt, receivedAt });
    if (interval === undefined) return;
    const localOrigin = this.#now() - receivedAt;
    const hasJumped = Math.abs(localOrigin - this.#localOrigin) > MAX_DRIFT_MS;
    const recent = hasJumped
      ? []
      : this.#samples.filter((sample) => receivedAt - sample.receivedAt <= MAX_RESPONSE_AGE_MS);
    this.#samples = [{ interval, receivedAt }, ...recent].slice(0, MAX_RESPONSES);
    this.#localOrigin = localOrigin;
    this.#origin = agreeingInterval(this.#samples.map((sample) => sample.interval));
    const { offset } = this;
    if (offset !== undefined) this.#onEstimate(offset);
  }

  #correctionAt(local: number): number {
    const offset = this.#offsetAt(local);
    if (offset === undefined) return 0;
    const { offsetMs, uncertaintyMs } = offset;
    return Math.abs(offsetMs) - uncertaintyMs > MIN_CORRECTION_MS ? Math.round(offsetMs) : 0;
  }

  #offsetAt(localTime: number): ClockOffset | undefined {
    if (this.#origin === undefined) return undefined;
    const { min, max } = this.#origin;
    const offsetMs = (min + max) / 2 + this.#elapsed() - localTime;
    return { offsetMs, uncertaintyMs: (max - min) / 2, localTime };
  }
}
