import type { AppStore } from '../store-types.ts';
import { createLocalDevices } from './local-devices.ts';

function setUp(used: readonly string[] = []) {
  let namespaces = used;
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
  return { devices, done: calls, used: () => namespaces };
}

test('a sign-out removes what every device has stored, open or not, now or by an earlier page', async () => {
  const { devices, done, used } = setUp(['earlier']);
  devices.open('one');
  await devices.close(devices.open('two'));
  await devices.signOut();
  expect(done).toEqual(['closed two', 'signed out earlier', 'signed out one', 'signed out two']);
  expect([used(), devices.stores()]).toEqual([[], []]);
});

test('one that the browser does not let go of keeps none of the others', async () => {
  const { devices, done } = setUp(['stuck', 'fine']);
  await devices.signOut();
  expect(done).toEqual(['signed out stuck', 'signed out fine']);
});

test('all are marked in one go, before anything is waited for', () => {
  const { devices, done } = setUp(['one', 'two']);
  void devices.signOut();
  expect(done).toEqual(['signed out one', 'signed out two']);
});

test('where none was ever used none is made', async () => {
  const { devices, done } = setUp();
  await devices.signOut();
  expect(done).toEqual([]);
});

test('a device is opened once, and all that have stored something can be asked', async () => {
  const { devices } = setUp(['earlier']);
  const one = devices.open('one');
  expect(devices.open('one')).toBe(one);
  await devices.openAll();
  expect(devices.stores()).toHaveLength(2);
});
