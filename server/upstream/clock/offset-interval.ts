/** The bounds, in ms, between which the difference of two clocks lies. */
export interface OffsetInterval {
  readonly min: number;
  readonly max: number;
}

/** A response whose `Date` header shows the time of another clock. */
export interface DatedResponse {
  /** The header `Date`. */
  readonly date: string | undefined;
  /** When the request was sent and when the response started, by our clock, in ms. */
  readonly sentAt: number;
  readonly receivedAt: number;
}

/** The header has whole seconds: 12:00:00 stands for every time before 12:00:01. In ms. */
const DATE_RESOLUTION_MS = 1_000;

/**
 * Returns the bounds of the other clock minus ours, whatever part of the delay was on either way. Returns undefined without a
 * readable date.
 */
export function offsetIntervalOf({ date, sentAt, receivedAt }: DatedResponse): OffsetInterval | undefined {
  const time = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(time) ? undefined : { min: time - receivedAt, max: time + DATE_RESOLUTION_MS - sentAt };
}

/**
 * Returns what most of the intervals have in common, as Marzullo's algorithm does, which NTP uses (RFC 5905, 11.2.1). The
 * more responses agree, the narrower the result: their dates changed at different moments of their seconds.
 *
 * @param intervals - The newest first. Of two groups of the same size, the one with the newest interval is chosen.
 * @returns The common interval; undefined for an empty list.
 */
export function agreeingInterval(intervals: readonly OffsetInterval[]): OffsetInterval | undefined {
  let best: { readonly size: number; readonly newest: number; readonly common: OffsetInterval } | undefined;
  // The lower bound of a largest group is the lower bound of one of its members.
  for (const { min } of intervals) {
    let [size, newest, max] = [0, intervals.length, Infinity];
    for (const [index, interval] of intervals.entries()) {
      if (interval.min > min || interval.max < min) continue;
      size += 1;
      newest = Math.min(newest, index);
      max = Math.min(max, interval.max);
    }
    const isBetter = best === undefined || size > best.size || (size === best.size && newest < best.newest);
    if (isBetter) best = { size, newest, common: { min, max } };
  }
  return best?.common;
}
