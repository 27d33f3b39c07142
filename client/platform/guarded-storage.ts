/** Storage whose reads never throw. A write that fails throws, so that an edit is not considered stored. */
import type { Environment } from './environment.ts';
import type { Report } from './health.ts';

type StringStorage = Environment['storage'];

/** Wraps the storage. Reports a failure when an operation throws, and success at the next write. */
export function guardStorage(storage: StringStorage, report: Report): StringStorage {
  const read = <T>(task: () => T, fallback: T): T => {
    try {
      return task();
    } catch {
      report(false);
      return fallback;
    }
  };
  const write = (task: () => boolean): boolean => {
    try {
      const isDone = task();
      report(true);
      return isDone;
    } catch (error) {
      report(false);
      throw error;
    }
  };
  return new Proxy<StringStorage>(
    {},
    {
      get: (_target, key) => read(() => Reflect.get(storage, key) as unknown, undefined),
      has: (_target, key) => read(() => Reflect.has(storage, key), false),
      ownKeys: () => read(() => Reflect.ownKeys(storage), []),
      getOwnPropertyDescriptor: (_target, key) => read(() => Reflect.getOwnPropertyDescriptor(storage, key), undefined),
      set: (_target, key, value) => write(() => Reflect.set(storage, key, value)),
      deleteProperty: (_target, key) => write(() => Reflect.deleteProperty(storage, key)),
    },
  );
}
