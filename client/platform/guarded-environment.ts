/** The platform of one store, in which every facility may reject immediately, hang or be missing. */
import { isPageStorage, type Environment } from './environment.ts';
import { guardChannel } from './guarded-channel.ts';
import { guardLocks } from './guarded-locks.ts';
import { guardStorage } from './guarded-storage.ts';
import type { PlatformHealth } from './health.ts';
import type { PlatformTiming } from './timing.ts';

export interface GuardOptions {
  readonly environment: Environment;
  /** The name of the store's database. */
  readonly name: string;
  readonly timing: PlatformTiming;
  readonly health: PlatformHealth;
  /** Ends all retries. */
  readonly signal: AbortSignal;
}

/** Returns the environment with facilities that report when they fail, and are replaced or retried then. */
export function guardEnvironment({ environment, name, timing, health, signal }: GuardOptions): Environment {
  const { locks, storage, openChannel } = environment;
  const reportStorage = health.reporter('storage-unavailable');
  if (isPageStorage(storage)) reportStorage(false);
  return {
    ...environment,
    locks: guardLocks({ locks, name, timing, report: health.reporter('locks-unavailable'), signal }),
    storage: isPageStorage(storage) ? storage : guardStorage(storage, reportStorage),
    openChannel: (channel) =>
      guardChannel({
        open: () => openChannel(channel),
        timing,
        report: health.reporter('channel-unavailable'),
        signal,
      }),
  };
}
