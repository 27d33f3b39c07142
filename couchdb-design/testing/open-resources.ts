/**
 * Resources that tests have opened: servers, clients, child processes. A test that fails may not reach the line that closes
 * them, so `scripts/test/jest-environment.mjs` closes what is left at the end of each test file. Otherwise Jest would not
 * exit.
 */
const KEY = Symbol.for('pouchgate.openResources');

type Close = () => unknown;

/** Kept on the global object, where the Jest environment finds it. */
function openResources(): Set<Close> {
  const holder = globalThis as { [KEY]?: Set<Close> | undefined };
  return (holder[KEY] ??= new Set());
}

/**
 * Closes a resource at the end of the test file, unless the test has closed it before.
 *
 * @param resource an object with a `close` method, which this function replaces by one that can be called again
 * @returns the same object
 * @example const server = closeAfterTests(await startServer());
 */
export function closeAfterTests<R extends { close(): unknown }>(resource: R): R {
  // Some call their own `close` again, with a callback.
  const close: (...callback: readonly unknown[]) => unknown = resource.close.bind(resource);
  const closeOnce = (...callback: readonly unknown[]): unknown => {
    openResources().delete(closeOnce);
    return close(...callback);
  };
  openResources().add(closeOnce);
  return Object.assign(resource, { close: closeOnce });
}
