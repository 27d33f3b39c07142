/**
 * Finds this device's edits that another device has superseded: a later edit of the same preference arrived before the
 * server was known to have this one. A later edit after that is an ordinary change.
 */
import type { DeviceId, EditStamp } from '../../couchdb-design/user-document/edit-stamp.ts';
import { editStampIn, type Edit, type Edits } from './edits.ts';
import type { LocalDocument } from './leaf.ts';

/** An edit that a later edit of another device replaced. */
export interface SupersededEdit extends Edit {
  /** The stamp of the later edit. */
  readonly by: EditStamp;
  /** The current value; `null` when the other device removed the preference. */
  readonly current: unknown;
}

/** Returns the `unsent` edits that other devices' edits in the document supersede. */
export const findSupersededEdits = (
  document: LocalDocument | undefined,
  unsent: Edits,
  device: DeviceId,
): readonly SupersededEdit[] => {
  const isOwnStamp = (stamp: EditStamp): boolean => stamp.endsWith(device);
  return unsent
    .map((edit) => ({ ...edit, by: editStampIn(document, edit.key), current: document?.preferences[edit.key] ?? null }))
    .filter(({ stamp, by }) => by > stamp && isOwnStamp(stamp) && !isOwnStamp(by));
};
