/** A new version of the page: noticed, offered, and put in place in all tabs once the person wants it. */
import type { TakeOver } from './service-worker-policy.ts';

export interface Updates {
  /** Whether a new version waits. */
  readonly isWaiting: () => boolean;
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
  readonly onTimeToLook: (look: () => void) => void;
}

export function watchUpdates({ workers, reload, onTimeToLook }: UpdatesEnvironment): Updates {
  const listeners = new Set<() => void>();
  let waiting: ServiceWorker | undefined;

  const offer = (worker: ServiceWorker | null): void => {
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
    const follow = (registration: ServiceWorkerRegistration): void => {
      if (registration.waiting !== null) offer(registration.waiting);
      registration.addEventListener('updatefound', () => {
        const coming = registration.installing;
        coming?.addEventListener('statechange', () => {
          if (coming.state === 'installed' && hasVersion) offer(coming);
          // Replaced by one that is newer still, or failed.
          if (coming.state === 'redundant' && waiting === coming) offer(registration.waiting);
        });
      });
      onTimeToLook(() => {
        // Without a network there is nothing to look at.
        registration.update().catch(() => undefined);
      });
    };
    container.register('/service-worker.js').then(follow, (error: unknown) => console.warn(error));
  };
  if (workers !== undefined) watch(workers);

  return {
    isWaiting: () => waiting !== undefined,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    accept: () => waiting?.postMessage('take-over' satisfies TakeOver),
  };
}

const HOUR_MS = 3_600_000;

/** A tab may stay open for weeks. */
export const browserUpdates = (): UpdatesEnvironment => ({
  workers: 'serviceWorker' in navigator ? navigator.serviceWorker : undefined,
  reload: () => location.reload(),
  onTimeToLook: (look) => {
    setInterval(look, HOUR_MS);
    addEventListener('online', look);
  },
});
