import { UserQuota } from '../gate/user-quota.ts';
import { FairTurns } from '../lib/fair-turns.ts';
import { FairSlots } from '../upstream/fair-slots.ts';
import { MAX_CONNECTIONS } from '../upstream/forward.ts';

/**
 * What a request may wait for: a connection to the database for users' requests (`upstream`) or for the service account's on behalf of
 * a user (`service`), the event loop (`turn`), or the memory that its user's other requests occupy (`memory`).
 */
export type ShareName = 'upstream' | 'service' | 'turn' | 'memory';

/** Called with the time, in seconds, that a user's request has waited for its share. */
export type OnWaited = (share: ShareName, seconds: number) => void;

/** The number of waiting requests of all users, by what they wait for. */
export type WaitingRequests = Readonly<Record<ShareName, number>>;

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
export const waitingRequests = ({ upstreamSlots, serviceSlots, turns, quota }: UserShares): WaitingRequests => ({
  upstream: upstreamSlots.waiting,
  service: serviceSlots.waiting,
  turn: turns.waiting,
  memory: quota.waiting,
});
