/** How far somebody has come in seeing two devices merge: three steps, told from what the devices do. */
import type { SyncStatus } from '../../index.ts';

export type TourStep = 'disconnect' | 'edit' | 'reconnect' | 'merged';

export interface DeviceState {
  readonly isOffline: boolean;
  readonly status: Pick<SyncStatus, 'state' | 'unsent'>;
}

const isSynced = ({ isOffline, status }: DeviceState): boolean =>
  !isOffline && status.state === 'live' && status.unsent === 0;

/** The step that comes after `step`, or the same one while there is more to do for it. */
export const nextStep = (step: TourStep, devices: readonly DeviceState[]): TourStep => {
  const allOffline = devices.every(({ isOffline }) => isOffline);
  switch (step) {
    case 'disconnect':
      return allOffline ? 'edit' : 'disconnect';
    case 'edit':
      // Online again without an edit on each: there is nothing to be merged, so it begins anew.
      if (!devices.some(({ isOffline }) => isOffline)) return 'disconnect';
      return allOffline && devices.every(({ status }) => status.unsent > 0) ? 'reconnect' : 'edit';
    case 'reconnect':
      return devices.every(isSynced) ? 'merged' : 'reconnect';
    case 'merged':
      return allOffline ? 'edit' : 'merged';
  }
};
