/**
 * When and by which device one preference was last set: a hybrid logical clock (Kulkarni and others, 2014).
 *
 *     2026-11-22T09:30:01.123Z-0000-w7f3a
 *     time, ms, UTC            count device
 *
 * The width is fixed, so that the order of the strings is the order of the edits. A stamp is always past every stamp
 * that its device has seen: a clock that jumps back does not undo what was set after the jump forward. The count tells
 * apart edits of one millisecond; when it is used up, the time moves on by a millisecond of its own.
 */

export type EditStamp = string;

/** Five characters of `[a-z0-9]` that a device draws once and keeps: 60 million of them, against a person's handful. */
export type DeviceId = string;

export interface EditStampParts {
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  /** 0 to 65,535. */
  readonly counter: number;
  readonly device: DeviceId;
}

const EDIT_STAMP_PATTERN = /^(.{24})-([0-9a-f]{4})-([a-z0-9]{5})$/;
const DEVICE_ID_PATTERN = /^[a-z0-9]{5}$/;

export const parseEditStamp = (value: unknown): EditStampParts | undefined => {
  const [, iso = '', counter = '', device = ''] = (typeof value === 'string' && EDIT_STAMP_PATTERN.exec(value)) || [];
  const time = Date.parse(iso);
  // Date.parse takes a 30th of February for the 2nd of March: only a time that reads back the same is one.
  if (new Date(time).toJSON() !== iso) return undefined;
  return { time, counter: Number.parseInt(counter, 16), device };
};

export const isEditStamp = (value: unknown): value is EditStamp => parseEditStamp(value) !== undefined;

const parseEditStampOrThrow = (stamp: EditStamp): EditStampParts => {
  const parts = parseEditStamp(stamp);
  if (parts === undefined) throw new RangeError('not an edit stamp');
  return parts;
};

/** A stamp's time in milliseconds since 1970. Throws a RangeError on what is no stamp. */
export const stampTime = (stamp: EditStamp): number => parseEditStampOrThrow(stamp).time;

export const parseDeviceId = (value: unknown): DeviceId | undefined =>
  typeof value === 'string' && DEVICE_ID_PATTERN.test(value) ? value : undefined;

/**
 * Draws a device id. `random` gives numbers from 0 up to, not including, 1, as Math.random does. None begins with a zero:
 * those are for the doors that are no device (doors.ts).
 */
export const newDeviceId = (random: () => number): DeviceId => Math.floor((1 + random() * 35) * 36 ** 4).toString(36);

export interface NextEditStampOptions {
  /** The device's clock, milliseconds since 1970. It may jump either way. */
  readonly now: number;
  readonly device: DeviceId;
  /** The greatest stamp that the device has made or read: `latestEditStamp` of the document's, mostly. */
  readonly seen: EditStamp | undefined;
}

/**
 * A stamp that is greater than `seen`, and of the time `now` where that allows it. Throws a RangeError when `device` or
 * `seen` is malformed, `now` is no number, or the year 9999 is over.
 */
export const nextEditStamp = ({ now, device, seen }: NextEditStampOptions): EditStamp => {
  const previous = seen ? parseEditStampOrThrow(seen) : { time: -1, counter: 0 };
  // A stamp of the same time counts on, and into the next millisecond when the four digits are used up.
  const count = now >= previous.time + 1 ? 0 : previous.counter + 1;
  const iso = new Date(Math.max(now, previous.time + (count >> 16))).toISOString();
  const stamp = `${iso}-${(count & 0xffff).toString(16).padStart(4, '0')}-${device}`;
  parseEditStampOrThrow(stamp);
  return stamp;
};

export const latestEditStamp = (stamps: Iterable<EditStamp>): EditStamp | undefined => [...stamps].sort().at(-1);
