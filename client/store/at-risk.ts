/**
 * Which edits of this device another device has superseded: those that were not yet seen to be everywhere when a later
 * edit of the same preference came in. What is edited after it has been seen is an ordinary change.
 */
import type { DeviceId, EditStamp } from '../../couchdb-design/edit-stamp.ts';
import type { Edit, Edits } from './edits.ts';
import type { LocalDocument } from './replica.ts';

/** An edit that a later one, of another device, took the place of. */
export interface SupersededEdit extends Edit {
  /** The later edit's stamp. */
  readonly by: EditStamp;
  /** The value that holds now; `null` when the other device removed the preference. */
  readonly current: unknown;
}

export interface AtRisk {
  /** Given what is stored now: which edits were superseded since the last time. */
  readonly look: (document: LocalDocument | undefined, unsent: Edits) => readonly SupersededEdit[];
  /** All that was sent has been seen to hold. */
  readonly clear: () => void;
}

export function watchEdits(device: DeviceId): AtRisk {
  const atRisk = new Map<string, Edit>();
  const isOurs = (stamp: EditStamp): boolean => stamp.endsWith(device);
  return {
    look: (document, unsent) => {
      const superseded = [...atRisk.values()].flatMap((edit): SupersededEdit[] => {
        const by = document?.edits[edit.key] ?? '';
        if (by <= edit.stamp) return [];
        atRisk.delete(edit.key);
        return isOurs(by) ? [] : [{ ...edit, by, current: document?.preferences[edit.key] ?? null }];
      });
      for (const edit of unsent) if (isOurs(edit.stamp)) atRisk.set(edit.key, edit);
      return superseded;
    },
    clear: () => atRisk.clear(),
  };
}
