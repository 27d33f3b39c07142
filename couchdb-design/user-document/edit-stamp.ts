/**
 * When and by which device one preference was last set: a hybrid logical clock (Kulkarni et al., 2014).
 *
 *     2026-11-22T09:30:01.123Z-0000-w7f3a
 *     (time, UTC)-(counter, hex)-(device)
 *
 * The width is fixed, so that string order is the order of the edits. A new stamp exceeds every stamp that its device has
 * seen, so an edit after a clock jumps back still wins. The counter distinguishes edits within one millisecond; when it
 * overflows, the time advances by one millisecond.
 */

export type EditStamp = string;

/** Five random characters of `[a-z0-9]`, generated once per device: 60 million values for a person's few devices. */
export type DeviceId = string;

export interface EditStampParts {
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  /** 0 to 65,535. */
  readonly counter: number;
  readonly device: DeviceId;
}

/**
 * Every stamp is before this time. The last year of the format is free, so that a next stamp exists for every stamp: a value that
 * an operator pinned with the greatest possible text would otherwise never change again.
 */
const MAX_STAMP_TIME = Date.UTC(9999, 0);
/** No clock creates a stamp from this time on. A next stamp still exceeds a stored one that is later. */
export const MAX_CLOCK_TIME = Date.UTC(9000, 0);

const EDIT_STAMP_PATTERN = /^(.{24})-([0-9a-f]{4})-([a-z0-9]{5})$/;
const DEVICE_ID_PATTERN = /^[a-z0-9]{5}$/;

/** Returns the parts of an edit stamp; `undefined` for any other value. */
export const parseEditStamp = (value: unknown): EditStampParts | undefined => {
  const [, iso = '', counter = '', device = ''] = (typeof value === 'string' && EDIT_STAMP_PATTERN.exec(value)) || [];
  const time = Date.parse(iso);
  // Date.parse reads February 30 as March 2, so the time must format back to the same text.
  if (new Date(time).toJSON() !== iso || time >= MAX_STAMP_TIME) return undefined;
  return { time, counter: Number.parseInt(counter, 16), device };
};

export const isEditStamp = (value: unknown): value is EditStamp => parseEditStamp(value) !== undefined;

const parseEditStampOrThrow = (stamp: EditStamp): EditStampParts => {
  const parts = parseEditStamp(stamp);
  if (parts === undefined) throw new RangeError('not an edit stamp');
  return parts;
};

/** Returns a stamp's time in milliseconds since 1970. Throws a RangeError when it is malformed. */
export const stampTime = (stamp: EditStamp): number => parseEditStampOrThrow(stamp).time;

/** Returns the value if it is a device id; `undefined` otherwise. */
export const parseDeviceId = (value: unknown): DeviceId | undefined =>
  typeof value === 'string' && DEVICE_ID_PATTERN.test(value) ? value : undefined;

/**
 * Returns a random device id. `random` returns numbers in [0, 1), like `Math.random`. No id starts with a zero, which is
 * reserved for sources that are not devices (edit-sources.ts).
 */
export const newDeviceId = (random: () => number): DeviceId => Math.floor((1 + random() * 35) * 36 ** 4).toString(36);

export interface NextEditStampOptions {
  /** The device's clock, in milliseconds since 1970. It may jump in either direction. */
  readonly now: number;
  readonly device: DeviceId;
  /** The greatest stamp that the device has created or read, usually the document's `latestEditStamp`. */
  readonly seen: EditStamp | undefined;
}

/**
 * Returns a stamp that is greater than `seen`, with the time `now` if possible. A clock beyond the year 9000 counts as that year.
 * Throws a RangeError when `device` or `seen` is malformed, or `now` is not a number.
 */
export const nextEditStamp = ({ now: clock, device, seen }: NextEditStampOptions): EditStamp => {
  const now = Math.min(clock, MAX_CLOCK_TIME - 1);
  const previous = seen ? parseEditStampOrThrow(seen) : { time: -1, counter: 0 };
  // Within the same time the counter increments, and overflows into the next millisecond after four hex digits.
  const counter = now >= previous.time + 1 ? 0 : previous.counter + 1;
  const iso = new Date(Math.max(now, previous.time + (counter >> 16))).toISOString();
  const stamp = `${iso}-${(counter & 0xffff).toString(16).padStart(4, '0')}-${device}`;
  parseEditStampOrThrow(stamp);
  return stamp;
};

/** Returns the greatest stamp; `undefined` when there is none. Ignores malformed ones, which no stamp can exceed. */
export const latestEditStamp = (stamps: Iterable<EditStamp>): EditStamp | undefined =>
  [...stamps].sort().reverse().find(isEditStamp);
