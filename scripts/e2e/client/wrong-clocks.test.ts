/** Devices whose clock is wrong or jumps: their edits are accepted, dated by the server's clock, and none is lost. */
import { editStampIn } from '../../../client/store/edits.ts';
import type { LocalDocument } from '../../../client/store/leaf.ts';
import type { PreferencesStore } from '../../../client/index.ts';
import { stampTime } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { createDeviceFixture, waitForPreferences, waitForState, type Device } from '../testing/device.ts';
import { createBrowser, createStoreFixture, waitUntilLive } from '../testing/browser.ts';
import { createInMemoryBrowser, waitForCondition } from '../testing/test-server.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
/** How exactly the header `Date` and the delay of a response allow to know the server's time. */
const TOLERANCE_MS = 8_000;

const devices = createDeviceFixture();

interface ClockDevice extends Device {
  /** How far the device's clock is ahead, in milliseconds. */
  error: number;
  /** How far the device is in the past, in milliseconds. */
  ago: number;
  /** The browser that opens the local database. */
  readonly refusedKeys: readonly string[];
  /** Opens another store of the same browser. */
  readonly reopen: () => ClockDevice;
}

function open(user: string, error = 0, browser = createInMemoryBrowser()): ClockDevice {
  const clock = { error, ago: 0 };
  const now = (): number => Date.now() + clock.error - clock.ago;
  const device = devices.open(user, browser, { environment: { now } });
  const refusedKeys: string[] = [];
  device.store.on('refused', ({ key }) => refusedKeys.push(key));
  return Object.assign(clock, {
    ...device,
    refusedKeys,
    reopen: () => open(user, clock.error, browser),
  });
}

/** Opens a device that has been in sync, and is offline now. */
async function openOffline(user: string, error = 0): Promise<ClockDevice> {
  const device = open(user);
  await waitForState(device.store, 'live');
  device.setOffline(true);
  await waitForState(device.store, 'offline');
  device.error = error;
  return device;
}

const connect = async (device: ClockDevice): Promise<void> => {
  device.setOffline(false);
  await waitForState(device.store, 'live', 0);
};

const leafOf = async (store: PreferencesStore): Promise<LocalDocument & { readonly _rev: string }> => {
  const { leaves } = await store.inspect();
  const [live, ...others] = leaves.filter(({ _deleted }) => _deleted !== true);
  expect(others).toEqual([]);
  return live as never;
};

/** Expects that a stored stamp is the time at which it was set, by the right clock. */
async function expectStampNear(store: PreferencesStore, key: string, time: number): Promise<void> {
  const stamp = editStampIn(await leafOf(store), key);
  expect({ key, isRight: Math.abs(stampTime(stamp) - time) < TOLERANCE_MS, stamp }).toMatchObject({ isRight: true });
}

const generationOf = (rev: string): number => Number(rev.split('-')[0]);

const ERRORS: readonly (readonly [string, number])[] = [
  ['five minutes behind', -5 * MINUTE_MS],
  ['three days behind', -3 * DAY_MS],
  ['nine years behind', -9 * YEAR_MS],
  ['five minutes ahead', 5 * MINUTE_MS],
  ['three days ahead', 3 * DAY_MS],
  ['nine years ahead', 9 * YEAR_MS],
];

test.each(ERRORS)('a device whose clock is %s edits as any other, and its status reports it', async (_name, error) => {
  const user = devices.newUser();
  const right = open(user);
  await waitForState(right.store, 'live');
  const wrong = open(user, error);
  await waitForState(wrong.store, 'live');
  expect(wrong.store.status()).toMatchObject({ state: 'live', reason: 'clock-wrong', reasons: ['clock-wrong'] });
  expect(right.store.status().reasons).toEqual([]);
  const time = Date.now();
  await wrong.store.set({ theme: 'dark' });
  await waitForPreferences(right.store, { theme: 'dark' });
  await waitForState(wrong.store, 'live', 0);
  await expectStampNear(right.store, 'theme', time);
  await right.store.set({ theme: 'light' });
  await waitForPreferences(wrong.store, { theme: 'light' });
  expect(wrong.refusedKeys).toEqual([]);
  // A wrong stamp would now be replaced by one that is close to it.
  await expectStampNear(right.store, 'theme', Date.now());
});

test.each(ERRORS)(
  'offline edits of a clock that is %s: the later edit wins, whoever connects first',
  async (_name, error) => {
    for (const wrongIsFirst of [true, false]) {
      const user = devices.newUser();
      const [wrong, right] = [await openOffline(user, error), await openOffline(user)];
      const time = Date.now();
      // An hour ago, each edits one preference. The other one edits it now.
      wrong.ago = HOUR_MS;
      right.ago = HOUR_MS;
      await wrong.store.set({ theme: 'dark', recapTime: '20:00' });
      await right.store.set({ viewMode: 'table', briefingTime: '06:00' });
      wrong.ago = 0;
      right.ago = 0;
      await wrong.store.set({ viewMode: 'graph' });
      await right.store.set({ theme: 'light' });
      for (const device of wrongIsFirst ? [wrong, right] : [right, wrong]) await connect(device);
      const all = { theme: 'light', viewMode: 'graph', recapTime: '20:00', briefingTime: '06:00' } as const;
      await Promise.all([waitForPreferences(wrong.store, all), waitForPreferences(right.store, all)]);
      await Promise.all([waitForState(wrong.store, 'live', 0), waitForState(right.store, 'live', 0)]);
      await expectStampNear(right.store, 'recapTime', time - HOUR_MS);
      await expectStampNear(right.store, 'viewMode', time);
      expect([...wrong.refusedKeys, ...right.refusedKeys]).toEqual([]);
    }
  },
);

test.each(ERRORS)('offline edits of a clock that is %s are corrected after a reload, once', async (_name, error) => {
  const user = devices.newUser();
  const browser = createInMemoryBrowser();
  const first = open(user, error, browser);
  await waitForState(first.store, 'live');
  await first.store.close();
  const second = open(user, error, browser);
  second.setOffline(true);
  const time = Date.now();
  await second.store.set({ theme: 'dark' });
  await second.store.set({ viewMode: 'graph' });
  const { _rev } = await leafOf(second.store);
  await second.store.close();
  const third = second.reopen();
  await waitForState(third.store, 'live', 0);
  await expectStampNear(third.store, 'theme', time);
  await expectStampNear(third.store, 'viewMode', time);
  // One revision contains both corrections, and nothing is written after it.
  expect(generationOf((await leafOf(third.store))._rev)).toBe(generationOf(_rev) + 1);
});

test.each(ERRORS)('a clock that jumps while the page is open, to %s, and back', async (_name, error) => {
  const user = devices.newUser();
  const [device, other] = [open(user), open(user)];
  await Promise.all([waitForState(device.store, 'live'), waitForState(other.store, 'live')]);
  const time = Date.now();
  device.error = error;
  await device.store.set({ theme: 'dark' });
  await waitForPreferences(other.store, { theme: 'dark' });
  await waitForState(device.store, 'live', 0);
  await expectStampNear(other.store, 'theme', time);
  expect(device.store.status().reasons).toEqual(['clock-wrong']);
  device.error = 0;
  await device.store.set({ theme: 'light' });
  await waitForPreferences(other.store, { theme: 'light' });
  await waitForCondition(device.store.subscribe, () => device.store.status().reasons.length === 0);
  await waitForState(device.store, 'live', 0);
  await expectStampNear(other.store, 'theme', Date.now());
  expect(device.refusedKeys).toEqual([]);
});

test.each(ERRORS)(
  'a clock that jumps while the device is offline, to %s: edits before and after it',
  async (_name, error) => {
    const user = devices.newUser();
    const device = await openOffline(user);
    const time = Date.now();
    await device.store.set({ theme: 'dark' });
    device.error = error;
    await device.store.set({ viewMode: 'graph' });
    await connect(device);
    expect(device.store.get()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
    await expectStampNear(device.store, 'theme', time);
    await expectStampNear(device.store, 'viewMode', time);
    expect(device.refusedKeys).toEqual([]);
  },
);

test('no revision with a wrong stamp is sent, when the first response shows that the clock is wrong', async () => {
  const user = devices.newUser();
  const sent: string[] = [];
  const recordBodies: typeof fetch = (input, init) => {
    if (typeof init?.body === 'string') sent.push(init.body);
    return fetch(input, init);
  };
  const year = new Date(Date.now() + 9 * YEAR_MS).getUTCFullYear();
  let isOnline = true;
  const { store, setOffline } = devices.open(user, createInMemoryBrowser(), {
    environment: {
      now: () => Date.now() + 9 * YEAR_MS,
      fetch: (...request) => (isOnline ? recordBodies(...request) : Promise.reject(new TypeError('Failed to fetch'))),
    },
  });
  isOnline = false;
  await store.set({ theme: 'dark' });
  isOnline = true;
  setOffline(false);
  await waitForState(store, 'live', 0);
  expect(sent.filter((body) => body.includes('"theme"'))).not.toEqual([]);
  expect(sent.filter((body) => body.includes(`"${year}-`) || body.includes(`"${year - 1}-`))).toEqual([]);
});

test('a device without the server’s time edits nevertheless: the header is missing', async () => {
  const user = devices.newUser();
  const withoutDate: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const headers = new Headers(response.headers);
    headers.delete('date');
    return new Response(response.body, { status: response.status, headers });
  };
  const { store } = devices.open(user, createInMemoryBrowser(), {
    environment: { now: () => Date.now() - 3 * DAY_MS, fetch: withoutDate },
  });
  await waitForState(store, 'live');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  expect(store.status().reasons).toEqual([]);
  const other = open(user);
  await waitForPreferences(other.store, { theme: 'dark' });
});

describe('in several tabs', () => {
  const stores = createStoreFixture();

  test('a tab that leaves the sync to another one knows the server’s time as well', async () => {
    const browser = createBrowser();
    const environment = { now: () => Date.now() + 3 * DAY_MS };
    const leader = stores.open('tabs', browser, { environment });
    await waitUntilLive(leader);
    const follower = stores.open('tabs', browser, { environment });
    await waitUntilLive(follower);
    expect([leader, follower].map((tab) => tab.status().reasons)).toEqual([['clock-wrong'], ['clock-wrong']]);
    const time = Date.now();
    const set = follower.set({ theme: 'dark' });
    const { unsent } = await follower.inspect();
    expect(Math.abs(stampTime(unsent[0]?.stamp ?? '') - time)).toBeLessThan(TOLERANCE_MS);
    await set;
    await waitUntilLive(follower);
    await expectStampNear(leader, 'theme', time);
  });
});
