import type { Logger } from 'pino';
import type { ClockOffset } from '../upstream/clock/upstream-clock.ts';

/** A greater difference of the clocks is reported, in ms. Edits are stamped correctly at any difference. */
const MAX_CLOCK_DIFFERENCE_MS = 60_000;
/** It is reported as over below this, so that a difference of about a minute is not reported again and again. In ms. */
const AGREEING_DIFFERENCE_MS = 30_000;

/** Logs when the clocks of the gate and of the database start to differ by more than a minute, and when they agree again. */
export class ClockMonitor {
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  #differs = false;

  constructor(log: Pick<Logger, 'info' | 'warn'>) {
    this.#log = log;
  }

  /** Whether the clocks differ by more than a minute. */
  get differs(): boolean {
    return this.#differs;
  }

  /** Call it with each estimate of the difference. */
  readonly onEstimate = ({ offsetMs, localTime }: ClockOffset): void => {
    const differs = Math.abs(offsetMs) > (this.#differs ? AGREEING_DIFFERENCE_MS : MAX_CLOCK_DIFFERENCE_MS);
    if (differs === this.#differs) return;
    this.#differs = differs;
    const details = {
      offsetSeconds: Math.round(offsetMs / 1000),
      gateTime: new Date(localTime).toISOString(),
      databaseTime: new Date(localTime + offsetMs).toISOString(),
    };
    if (differs) this.#log.warn(details, CLOCKS_DIFFER);
    else this.#log.info(details, 'The clocks of the gate and of the database agree again.');
  };
}

const CLOCKS_DIFFER =
  "The clocks of the gate and of the database differ by more than a minute. Edits are dated by the database's clock. Synchronise both by NTP.";
