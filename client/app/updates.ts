/** A new version of the page: noticed, offered, and put in place in all tabs once the person wants it. */
import type { TakeOverMessage } from './service-worker-policy.ts';

export interface Updates {
  /** Whether a new version waits. */
  readonly isUpdateWaiting: () => boolean;
  readonly subscribe: (listener: () => void) => () => void;
  /** Puts it in place; every tab is loaded again, once. */
  readonly accept: () => void;
}

/** What is used of a browser's; a test has others. */
export interface UpdatesEnvironment {
  /** Undefined where the browser has none: a private window, or plain HTTP. */
  readonly workers: Pick<ServiceWorkerContainer, 'controller' | 'register' | 'addEventListener'> | undefined;
  readonly reload: () => void;
  /** Calls `look` when it is time to look for a new version. */
  readonly scheduleUpdateChecks: (look: () => void) => void;
}

export function watchUpdates({ workers, reload, scheduleUpdateChecks }: UpdatesEnvironment): Updates {
  const listeners = new Set<() => void>();
  let waiting: ServiceWorker | undefined;

  const setWaiting = (worker: ServiceWorker | null): void => {
    waiting = worker ?? undefined;
    for (const listener of listeners) listener();
  };

  const watch = (container: NonNullable<typeof workers>): void => {
    // The first worker of all takes a page that came without one: that is no new version.
    let hasVersion = container.controller !== null;
    container.addEventListener('controllerchange', () => {
      if (hasVersion) reload();
      hasVersion = true;
    });
    const trackRegistration = (registration: ServiceWorkerRegistration): void => {
      if (registration.waiting !== null) setWaiting(registration.waiting);
      registration.addEventListener('updatefound', () => {
        const installing = registration.installing;
        installing?.addEventListener('statechange', () => {
          if (installing.state === 'installed' && hasVersion) setWaiting(installing);
          // Replaced by one that is newer still, or failed.
          if (installing.state === 'redundant' && waiting === installing) setWaiting(registration.waiting);
        });
      });
      scheduleUpdateChecks(() => {
        // Without a network there is nothing to look at.
        registration.update().catch(() => undefined);
      });
    };
    container.register('/service-worker.js').then(trackRegistration, (error: unknown) => console.warn(error));
  };
  if (workers !== undefined) watch(workers);

  return {
    isUpdateWaiting: () => waiting !== undefined,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    accept: () => waiting?.postMessage('take-over' satisfies TakeOverMessage),
  };
}

const UPDATE_CHECK_INTERVAL_MS = 3_600_000;

/** A tab may stay open for weeks. */
export const browserUpdatesEnvironment = (): UpdatesEnvironment => ({
  workers: 'serviceWorker' in navigator ? navigator.serviceWorker : undefined,
  reload: () => location.reload(),
  scheduleUpdateChecks: (checkForUpdate) => {
    setInterval(checkForUpdate, UPDATE_CHECK_INTERVAL_MS);
    addEventListener('online', checkForUpdate);
  },
});
