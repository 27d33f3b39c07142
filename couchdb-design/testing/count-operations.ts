/**
 * Counts what a function does: calls of the methods of Map and Set, and elements that are copied between arrays. It shows how the cost
 * of the function grows with its input, independently of the machine.
 */
export function countOperations(work: () => void): number {
  let count = 0;
  const restore = [
    ...(['get', 'has', 'set', 'delete'] as const).map((name) => wrap(Map.prototype, name, () => 1)),
    ...(['has', 'add', 'delete'] as const).map((name) => wrap(Set.prototype, name, () => 1)),
    ...(['slice', 'concat', 'push', 'map', 'filter', 'some', 'find', 'findIndex', 'includes', 'indexOf'] as const).map(
      (name) => wrap(Array.prototype, name, (array, args) => (name === 'push' ? args.length : sizeOf(array))),
    ),
    wrap(Array, 'from', (_, [source]) => sizeOf(source)),
  ];
  function wrap<T extends object>(target: T, name: keyof T, costOf: (self: unknown, args: unknown[]) => number) {
    const original = target[name] as (...args: unknown[]) => unknown;
    const counted = function (this: unknown, ...args: unknown[]): unknown {
      count += costOf(this, args);
      return Reflect.apply(original, this, args);
    };
    Object.defineProperty(target, name, { value: counted, configurable: true, writable: true });
    return () => Object.defineProperty(target, name, { value: original, configurable: true, writable: true });
  }
  try {
    work();
  } finally {
    for (const undo of restore) undo();
  }
  return count;
}

const sizeOf = (value: unknown): number => (Array.isArray(value) ? value.length : 1);
