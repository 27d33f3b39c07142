/**
 * Which edits of this device another device has superseded: those that were not yet seen to be everywhere when a later
 * edit of the same preference came in. What is edited after it has been seen is an ordinary change.
 */
import type { DeviceId, EditStamp } from '../../couchdb-design/user-document/edit-stamp.ts';
import { editStampIn, type Edit, type Edits } from './edits.ts';
import type { LocalDocument } from './replica.ts';

/** An edit that a later one, of another device, took the place of. */
export interface SupersededEdit extends Edit {
  /** The later edit's stamp. */
  readonly by: EditStamp;
  /** The value that holds now; `null` when the other device removed the preference. */
  readonly current: unknown;
}

/** Those of `unsent` that another device's edits in the document have taken the place of. */
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
