import { UserQuota } from '../gate/user-quota.ts';
import { FairTurns } from '../lib/fair-turns.ts';
import type { ShareName, ShareStats } from '../observability/source-metrics.ts';
import { FairSlots } from '../upstream/fair-slots.ts';
import { MAX_CONNECTIONS } from '../upstream/forward-agent.ts';

/** Called with the time, in seconds, that a user's request has waited for its share. */
export type OnWaited = (share: ShareName, seconds: number) => void;

/** What all users of a registry share in fair order. */
export interface UserShares {
  readonly upstreamSlots: FairSlots;
  readonly serviceSlots: FairSlots;
  readonly turns: FairTurns;
  readonly quota: UserQuota;
}

/** Half of the service account's connections. The others are left for sign-in and reads of users' states. */
const SERVICE_SLOTS = 3;

/** Creates the shares of one registry. */
export function createUserShares(onWaited: OnWaited = () => undefined): UserShares {
  const report =
    (share: ShareName) =>
    (seconds: number): void =>
      onWaited(share, seconds);
  return {
    upstreamSlots: new FairSlots({ slots: MAX_CONNECTIONS, onWaited: report('upstream') }),
    serviceSlots: new FairSlots({ slots: SERVICE_SLOTS, onWaited: report('service') }),
    turns: new FairTurns({ onWaited: report('turn') }),
    quota: new UserQuota({ onWaited: report('memory') }),
  };
}

/** Returns how many requests wait for each share. */
export const waitingRequests = ({ upstreamSlots, serviceSlots, turns, quota }: UserShares): ShareStats => ({
  upstream: upstreamSlots.waiting,
  service: serviceSlots.waiting,
  turn: turns.waiting,
  memory: quota.waiting,
});
