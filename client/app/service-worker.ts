/**
 * Caches the page's own files, so that it starts offline. It caches nothing else: the data is in IndexedDB.
 *
 * Each version has its own cache with the page and the files of one build. A newer worker waits until the user accepts it
 * (updates.ts) or the last tab of this version closes. So no tab ever loads files of two builds.
 * https://www.w3.org/TR/service-workers/#service-worker-lifecycle
 */
import { chooseResponseSource, type PrecachedUrls, type TakeOverMessage } from './service-worker-policy.ts';

/** Defined by the build (build/precache.ts). */
declare const __PRECACHE__: {
  readonly version: string;
  readonly pages: readonly string[];
  readonly files: readonly string[];
};

/** The worker's globals that are used here. TypeScript's library declares either these or those of a page. */
interface LifecycleEvent extends Event {
  readonly waitUntil: (done: Promise<unknown>) => void;
}
interface RequestEvent extends LifecycleEvent {
  readonly request: Request;
  readonly respondWith: (response: Promise<Response>) => void;
}
interface WorkerScope {
  readonly location: Location;
  readonly clients: { readonly claim: () => Promise<void> };
  readonly skipWaiting: () => Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: LifecycleEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: RequestEvent) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
}

const worker = globalThis as unknown as WorkerScope;
const { version, pages, files } = __PRECACHE__;
const CACHE_PREFIX = 'pouchgate-page-';
const CACHE_NAME = CACHE_PREFIX + version;
const precached: PrecachedUrls = { origin: worker.location.origin, pages: new Set(pages), files: new Set(files) };
const takeOverMessage: TakeOverMessage = 'take-over';

async function install(): Promise<void> {
  const cache = await caches.open(CACHE_NAME);
  await cache.addAll(files.map((url) => new Request(url, { cache: 'reload' })));
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(CACHE_PREFIX) && name !== CACHE_NAME).map((name) => caches.delete(name)),
  );
  await worker.clients.claim();
}

/** Falls back to the network, because the browser may have evicted the cache. */
async function respondFromCache(key: string, request: Request): Promise<Response> {
  const response = await (await caches.open(CACHE_NAME)).match(key);
  return response ?? fetch(request);
}

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  switch (chooseResponseSource({ method: request.method, url, mode: request.mode }, precached)) {
    case 'untouched':
      return;
    case 'page':
      event.respondWith(respondFromCache('/', request));
      return;
    case 'file':
      event.respondWith(respondFromCache(url.pathname, request));
  }
});
worker.addEventListener('message', ({ data }) => {
  if (data === takeOverMessage) void worker.skipWaiting();
});
