import type { AppStore } from '../store-types.ts';
import { createLocalDevices } from './local-devices.ts';

function setUp(usedBefore: readonly string[] = []) {
  let namespaces = usedBefore;
  const calls: string[] = [];
  const create = (namespace: string): AppStore =>
    ({
      ready: Promise.resolve(),
      signOut: () => {
        calls.push(`signed out ${namespace}`);
        return namespace.includes('stuck') ? Promise.reject(new Error('blocked')) : Promise.resolve();
      },
      close: () => {
        calls.push(`closed ${namespace}`);
        return Promise.resolve();
      },
    }) as unknown as AppStore;
  const devices = createLocalDevices({
    create,
    usedNamespaces: { read: () => namespaces, write: (next) => (namespaces = next) },
  });
  return { devices, calls, usedNamespaces: () => namespaces };
}

test('signing out removes the data of every device, open or not, and of earlier pages', async () => {
  const { devices, calls, usedNamespaces } = setUp(['earlier']);
  devices.open('one');
  await devices.close(devices.open('two'));
  await devices.signOut();
  expect(calls).toEqual(['closed two', 'signed out earlier', 'signed out one', 'signed out two']);
  expect([usedNamespaces(), devices.stores()]).toEqual([[], []]);
});

test('a device whose removal fails does not prevent the removal of the others', async () => {
  const { devices, calls } = setUp(['stuck', 'fine']);
  await devices.signOut();
  expect(calls).toEqual(['signed out stuck', 'signed out fine']);
});

test('signs out all devices synchronously, before it waits for any', () => {
  const { devices, calls } = setUp(['one', 'two']);
  void devices.signOut();
  expect(calls).toEqual(['signed out one', 'signed out two']);
});

test('creates no store when no device was ever used', async () => {
  const { devices, calls } = setUp();
  await devices.signOut();
  expect(calls).toEqual([]);
});

test('opens each device once, and can open all that have stored data', async () => {
  const { devices } = setUp(['earlier']);
  const one = devices.open('one');
  expect(devices.open('one')).toBe(one);
  await devices.openAll();
  expect(devices.stores()).toHaveLength(2);
});
