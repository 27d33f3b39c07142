/**
 * Estimates how far the server's clock is ahead of this device's, from the `Date` header of quick responses. The estimate is not
 * stored: the clock may be set while the page is closed, and edits that are made offline are corrected later.
 */

/** The time of a response. */
export interface ServerTime {
  /** Its header `Date`, in milliseconds since 1970; NaN if it has none. The resolution is one second. */
  readonly date: number;
  /** The time from the request to the end of the response by a monotonic clock, in milliseconds. */
  readonly elapsedMs: number;
}

export interface ServerTimeSample extends ServerTime {
  /** The device's clock when the response had arrived, in milliseconds since 1970. */
  readonly receivedAt: number;
}

/** Half the longest interval that a sample may leave open, in milliseconds. A smaller offset is not corrected. */
export const MAX_UNCERTAINTY_MS = 2_000;

/** The resolution of the header. */
const RESOLUTION_MS = 1_000;

/** A greater offset is a reason of the status, in milliseconds. */
export const MAX_CLOCK_OFFSET_MS = 60_000;

/**
 * Returns the offset of the server's clock from the device's, in milliseconds, after a sample; `current` if the sample is too
 * uncertain or agrees with it. An offset is replaced only if both cannot be right, so a steady clock is corrected once.
 *
 * @param current - The last estimate; undefined before the first.
 */
export const estimateClockOffset = (
  current: number | undefined,
  { date, receivedAt, elapsedMs }: ServerTimeSample,
): number | undefined => {
  const uncertaintyMs = (RESOLUTION_MS + elapsedMs) / 2;
  // The header was written after the request was sent, and before the response arrived.
  const offset = Math.round(date - receivedAt + uncertaintyMs);
  if (!(uncertaintyMs <= MAX_UNCERTAINTY_MS) || !Number.isFinite(offset)) return current;
  const agrees = (other: number): boolean => Math.abs(offset - other) <= uncertaintyMs + MAX_UNCERTAINTY_MS;
  if (current !== undefined && agrees(current)) return current;
  return agrees(0) ? 0 : offset;
};
