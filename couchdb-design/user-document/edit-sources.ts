/**
 * By which door an edit came. A stamp names its device; what is no device but a program that edits on a user's behalf has an
 * id that begins as no browser's does. What a user replicates may name any device: it is their own document that they
 * would mislead.
 */
import { parseEditStamp, type DeviceId, type EditStamp } from './edit-stamp.ts';

const DEVICE_ID_PREFIXES = { rest: '0r', telegram: '0t', 'command line': '0c', application: '0a' } as const;

/** A way to the preferences other than replication. */
export type EditSource = keyof typeof DEVICE_ID_PREFIXES;

/** An id for one process's edits by a door. `random` as Math.random. */
export const newSourceDeviceId = (source: EditSource, random: () => number): DeviceId =>
  `${DEVICE_ID_PREFIXES[source]}${Math.floor(random() * 36 ** 3)
    .toString(36)
    .padStart(3, '0')}`;

/** `device`: by replication, so from a browser mostly. Undefined for what is no stamp. */
export const editSourceOf = (stamp: EditStamp): EditSource | 'device' | undefined => {
  const parts = parseEditStamp(stamp);
  if (parts === undefined) return undefined;
  const sources = Object.keys(DEVICE_ID_PREFIXES) as EditSource[];
  return sources.find((source) => parts.device.startsWith(DEVICE_ID_PREFIXES[source])) ?? 'device';
};
