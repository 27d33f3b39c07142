/** Reads the clocks of a page. */

/** The clocks of a page at one moment, in milliseconds. */
export interface ClockReading {
  /** The device's clock, since 1970. It may be wrong or jump. */
  readonly wall: number;
  /** The time since the page was loaded. It never jumps, and may stand still while the computer sleeps. */
  readonly monotonic: number;
  /** When the page was loaded. It identifies the monotonic clock. */
  readonly origin: number;
  /** How far the server's clock is ahead of the device's; undefined if it is not known. */
  readonly offset?: number | undefined;
}

/** Reads the clocks. `now` is the device's clock. */
export const readClock = (now: () => number, offset: number | undefined): ClockReading => ({
  wall: now(),
  monotonic: performance.now(),
  origin: performance.timeOrigin,
  offset,
});

/** Returns the time of a reading by the server's clock, as far as it is known. */
export const correctedTime = ({ wall, offset = 0 }: ClockReading): number => wall + offset;
