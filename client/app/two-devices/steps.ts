/** How far somebody has come in seeing two devices merge: three steps, told from what the devices do. */
import type { SyncStatus } from '../../index.ts';

export type Step = 'cut' | 'edit' | 'mend' | 'merged';

export interface Seen {
  readonly isCut: boolean;
  readonly status: Pick<SyncStatus, 'state' | 'unsent'>;
}

const isSettled = ({ isCut, status }: Seen): boolean => !isCut && status.state === 'live' && status.unsent === 0;

/** The step that comes after `step`, or the same one while there is more to do for it. */
export const nextStep = (step: Step, devices: readonly Seen[]): Step => {
  const allCut = devices.every(({ isCut }) => isCut);
  switch (step) {
    case 'cut':
      return allCut ? 'edit' : 'cut';
    case 'edit':
      // Online again without an edit on each: there is nothing to be merged, so it begins anew.
      if (!devices.some(({ isCut }) => isCut)) return 'cut';
      return allCut && devices.every(({ status }) => status.unsent > 0) ? 'mend' : 'edit';
    case 'mend':
      return devices.every(isSettled) ? 'merged' : 'mend';
    case 'merged':
      return allCut ? 'edit' : 'merged';
  }
};
