/**
 * Keeps the page's own files, so that a reload without a network works. It keeps nothing else: the data is in IndexedDB.
 * https://www.w3.org/TR/service-workers/
 */
import { answerFrom } from './service-worker-policy.ts';

/** Put in by the build: see build/precache.ts. */
declare const __PRECACHE__: { readonly version: string; readonly urls: readonly string[] };

/** What is used of the worker's globals; TypeScript's library has either these or a page's. */
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
}

const worker = globalThis as unknown as WorkerScope;
const { version, urls } = __PRECACHE__;
const PREFIX = 'pouchgate-page-';
const NAME = PREFIX + version;
const kept: ReadonlySet<string> = new Set(urls);

/** How long a network that does not answer may hold up a page that is here already. */
const PATIENCE_MS = 3_000;

async function install(): Promise<void> {
  const cache = await caches.open(NAME);
  await cache.addAll(urls.map((url) => new Request(url, { cache: 'reload' })));
  await worker.skipWaiting();
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== NAME).map((name) => caches.delete(name)),
  );
  await worker.clients.claim();
}

async function fromCache(key: string): Promise<Response | undefined> {
  return (await caches.open(NAME)).match(key);
}

async function newestPage(request: Request): Promise<Response> {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) return response;
    return (await fromCache('/')) ?? response;
  } catch (error) {
    const page = await fromCache('/');
    if (page === undefined) throw error;
    return page;
  }
}

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  switch (answerFrom({ method: request.method, url, mode: request.mode }, worker.location.origin, kept)) {
    case 'untouched':
      return;
    case 'page':
      event.respondWith(newestPage(request));
      return;
    case 'kept':
      event.respondWith(fromCache(url.pathname).then((response) => response ?? fetch(request)));
  }
});
