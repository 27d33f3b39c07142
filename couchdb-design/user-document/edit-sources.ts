/**
 * The source of an edit. A stamp names its device. A program that edits on a user's behalf has a device id with a prefix
 * that no browser's id has. A user may replicate a stamp with any device id; that affects only their own document.
 */
import { parseEditStamp, type DeviceId, type EditStamp } from './edit-stamp.ts';

const DEVICE_ID_PREFIXES = {
  rest: '0r',
  telegram: '0t',
  'command line': '0c',
  application: '0a',
  import: '0i',
} as const;

/** An interface that edits preferences, other than replication. */
export type EditSource = keyof typeof DEVICE_ID_PREFIXES;

/** Returns a device id for one process's edits from a source. `random` returns numbers in [0, 1), like `Math.random`. */
export const newSourceDeviceId = (source: EditSource, random: () => number): DeviceId =>
  `${DEVICE_ID_PREFIXES[source]}${Math.floor(random() * 36 ** 3)
    .toString(36)
    .padStart(3, '0')}`;

/** Returns the source of an edit; `device` for replication, mostly from a browser. Returns undefined for an invalid stamp. */
export const editSourceOf = (stamp: EditStamp): EditSource | 'device' | undefined => {
  const parts = parseEditStamp(stamp);
  if (parts === undefined) return undefined;
  const sources = Object.keys(DEVICE_ID_PREFIXES) as EditSource[];
  return sources.find((source) => parts.device.startsWith(DEVICE_ID_PREFIXES[source])) ?? 'device';
};
