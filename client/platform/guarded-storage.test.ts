import type { Environment } from './environment.ts';
import { guardStorage } from './guarded-storage.ts';

/** A storage that a test makes throw, as that of a browser with a damaged profile, and its reports. */
function createFaultyStorage() {
  const items: Environment['storage'] = { kept: '1' };
  let isBroken = false;
  const check = <T>(value: T): T => {
    if (isBroken) throw new DOMException('No.', 'SecurityError');
    return value;
  };
  const reports: boolean[] = [];
  const storage = guardStorage(
    new Proxy(items, {
      get: (target, key) => check(Reflect.get(target, key) as unknown),
      ownKeys: (target) => check(Reflect.ownKeys(target)),
      set: (target, key, value) => Reflect.set(check(target), key, value),
      deleteProperty: (target, key) => Reflect.deleteProperty(check(target), key),
    }),
    (works) => reports.push(works),
  );
  return {
    storage,
    reports,
    setBroken: (broken: boolean): void => {
      isBroken = broken;
    },
  };
}

test('reads, writes, lists and removes items', () => {
  const { storage } = createFaultyStorage();
  storage['new'] = '2';
  expect({ ...storage }).toEqual({ kept: '1', new: '2' });
  expect('new' in storage).toBe(true);
  Reflect.deleteProperty(storage, 'kept');
  expect(Object.keys(storage)).toEqual(['new']);
});

test('a read of a storage that does not work finds nothing, and a write throws; both are reported', () => {
  const { storage, reports, setBroken } = createFaultyStorage();
  setBroken(true);
  expect([storage['kept'], Object.keys(storage)]).toEqual([undefined, []]);
  expect(reports).toEqual([false, false]);
  expect(() => (storage['new'] = '2')).toThrow('No.');
  expect(() => Reflect.deleteProperty(storage, 'kept')).toThrow('No.');
  setBroken(false);
  storage['new'] = '2';
  expect(reports.at(-1)).toBe(true);
  expect(storage['kept']).toBe('1');
});
