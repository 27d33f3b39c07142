/** Holds the sync status and changes it by events. */
import { deepFreeze } from '../platform/deep-freeze.ts';
import { developmentLog } from './development-log.ts';
import {
  advance,
  toSyncStatus,
  INITIAL_PROGRESS,
  INITIAL_STATUS,
  type StatusEvent,
  type SyncProgress,
  type SyncStatus,
} from './status.ts';

export interface StatusStore {
  /** The same frozen object until something changes. */
  readonly status: () => SyncStatus;
  readonly progress: () => SyncProgress;
  readonly dispatch: (event: StatusEvent) => void;
}

/** `onChange` is called after each event that changes the status, with the progress before it. */
export function createStatusStore(onChange: (event: StatusEvent, previous: SyncProgress) => void): StatusStore {
  let progress = INITIAL_PROGRESS;
  let status = INITIAL_STATUS;
  return {
    status: () => status,
    progress: () => progress,
    dispatch: (event) => {
      const previous = progress;
      progress = advance(previous, event);
      if (progress === previous) return;
      status = deepFreeze(toSyncStatus(progress));
      developmentLog?.logReasons(status.reasons);
      onChange(event, previous);
    },
  };
}
