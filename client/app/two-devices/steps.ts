/** The progress of the tour: three steps, derived from the state of the two devices. */
import type { SyncStatus } from '../../index.ts';

export type TourStep = 'disconnect' | 'edit' | 'reconnect' | 'merged';

export interface DeviceState {
  readonly isOffline: boolean;
  readonly status: Pick<SyncStatus, 'state' | 'unsent'>;
}

const isSynced = ({ isOffline, status }: DeviceState): boolean =>
  !isOffline && status.state === 'live' && status.unsent === 0;

/** Returns the step after `step`, or `step` itself until it is completed. */
export const nextStep = (step: TourStep, devices: readonly DeviceState[]): TourStep => {
  const allOffline = devices.every(({ isOffline }) => isOffline);
  switch (step) {
    case 'disconnect':
      return allOffline ? 'edit' : 'disconnect';
    case 'edit':
      // Both devices reconnected before each had an unsent edit, so there is nothing to merge: start over.
      if (!devices.some(({ isOffline }) => isOffline)) return 'disconnect';
      return allOffline && devices.every(({ status }) => status.unsent > 0) ? 'reconnect' : 'edit';
    case 'reconnect':
      return devices.every(isSynced) ? 'merged' : 'reconnect';
    case 'merged':
      return allOffline ? 'edit' : 'merged';
  }
};
