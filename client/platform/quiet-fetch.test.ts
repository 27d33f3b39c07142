import { quietFetch } from './quiet-fetch.ts';

/** A fetch that is answered, or fails, when its signal is aborted: never by itself. */
const hanging: typeof globalThis.fetch = (_input, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(new DOMException('Aborted', 'AbortError')));
  });
const failing: typeof globalThis.fetch = () => Promise.reject(new TypeError('Failed to fetch'));
const answering: typeof globalThis.fetch = () => Promise.resolve(new Response('{}'));

const never = new AbortController().signal;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Whether the promise is still pending after everything that is ready to go on has gone on. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  promise.then(
    () => (pending = false),
    () => (pending = false),
  );
  await settled();
  return pending;
}

test('a failure is told once, and the request has no end that PouchDB could leave unhandled', async () => {
  let failures = 0;
  const request = quietFetch(failing, never, () => (failures += 1))('http://127.0.0.1/');
  expect(await isPending(request)).toBe(true);
  expect(failures).toBe(1);
});

test('a request that PouchDB calls off is no failure', async () => {
  let failures = 0;
  const called = new AbortController();
  const request = quietFetch(hanging, never, () => (failures += 1))('http://127.0.0.1/', { signal: called.signal });
  called.abort();
  expect(await isPending(request)).toBe(true);
  expect(failures).toBe(0);
});

test('an answer is passed on, but not after the end', async () => {
  const ended = new AbortController();
  const fetch = quietFetch(answering, ended.signal, () => undefined);
  expect((await fetch('http://127.0.0.1/')).status).toBe(200);
  ended.abort();
  expect(await isPending(fetch('http://127.0.0.1/'))).toBe(true);
});
