/** Detects a new version of the page and activates it in all tabs once the user accepts it. */
import { serviceWorkerUrl } from './script-urls.ts';
import type { TakeOverMessage } from './service-worker-policy.ts';

export interface Updates {
  /** Whether a new version is installed and waiting. */
  readonly isUpdateWaiting: () => boolean;
  readonly subscribe: (listener: () => void) => () => void;
  /** Activates the waiting version, which reloads every tab once. */
  readonly accept: () => void;
}

/** The parts of the browser that are used, so that tests can replace them. */
export interface UpdatesEnvironment {
  /** Undefined where the browser has no service workers: in a private window, or over plain HTTP. */
  readonly workers: Pick<ServiceWorkerContainer, 'controller' | 'register' | 'addEventListener'> | undefined;
  readonly reload: () => void;
  /** Calls `check` whenever it is time to check for a new version. */
  readonly scheduleUpdateChecks: (check: () => void) => void;
}

/** Registers the service worker and watches it for updates. */
export function watchUpdates({ workers, reload, scheduleUpdateChecks }: UpdatesEnvironment): Updates {
  const listeners = new Set<() => void>();
  let waiting: ServiceWorker | undefined;

  const setWaiting = (worker: ServiceWorker | null): void => {
    waiting = worker ?? undefined;
    for (const listener of listeners) listener();
  };

  const watch = (container: NonNullable<typeof workers>): void => {
    // The first worker takes control of a page that was loaded without one. That is not a new version.
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
          // It failed, or a newer worker replaced it.
          if (installing.state === 'redundant' && waiting === installing) setWaiting(registration.waiting);
        });
      });
      scheduleUpdateChecks(() => {
        // Offline. The next check tries again.
        registration.update().catch(() => undefined);
      });
    };
    container.register(serviceWorkerUrl()).then(trackRegistration, (error: unknown) => console.warn(error));
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

/** Checks every hour and when the browser is back online, because a tab may stay open for weeks. */
export const browserUpdatesEnvironment = (): UpdatesEnvironment => ({
  workers: 'serviceWorker' in navigator ? navigator.serviceWorker : undefined,
  reload: () => location.reload(),
  scheduleUpdateChecks: (checkForUpdate) => {
    setInterval(checkForUpdate, UPDATE_CHECK_INTERVAL_MS);
    addEventListener('online', checkForUpdate);
  },
});
