import type { PatchOf, Preferences } from '../couchdb-design/preference-rules.ts';
import { seqNumber } from '../server/upstream/feed-row.ts';
import { answering, startFrontedGate, type FrontedGate } from '../server/upstream/front-kit.ts';
import { connect } from '../server/upstream/couch.ts';
import { setUp } from '../server/upstream/set-up.ts';
import { eventually } from '../server/upstream/upstream-kit.ts';
import { devicesOf, reaches, shows } from './client-device.ts';
import { copyDatabase, createDevice, leavesIn, type RestoreDevice } from './restore-kit.ts';

/**
 * The registry is restored from a copy as docs/operations.md says, under a gate and clients that go on running: it is deleted,
 * made again, filled from the copy, and set up.
 */

let fronted: FrontedGate;
const devices = devicesOf(() => ({ registry: fronted.gate.database, token: fronted.gate.token }));
const couch = () => connect(fronted.upstream.access);
const copies: string[] = [];

beforeEach(async () => {
  fronted = await startFrontedGate();
});
afterEach(async () => {
  await devices.close();
  for (const copy of copies.splice(0)) await couch().db.destroy(copy);
  await fronted.close();
});

/** What the gate is told of a database that nobody has opened to it yet, as any is that was just made. */
const closed = answering(403, '{"error":"forbidden","reason":"You are not allowed to access this db."}');

const PATIENCE = 60_000;

const set = (device: RestoreDevice, patch: PatchOf<Preferences>): Promise<void> => device.page().store.set(patch);
const inSync = (...some: RestoreDevice[]): Promise<unknown> =>
  Promise.all(some.map((device) => reaches(device.page().store, 'live', 0)));
const allShow = (some: readonly RestoreDevice[], expected: Partial<Preferences>): Promise<unknown> =>
  Promise.all(some.map((device) => shows(device.page().store, expected)));

const countNow = async (): Promise<number> => seqNumber(String((await fronted.registry().info()).update_seq));

/** Whatever is not as it should be once all have met. */
async function faultsOf(
  all: readonly RestoreDevice[],
  expected: Readonly<Record<string, object>>,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [username, preferences] of Object.entries(expected)) {
    const onServer = await leavesIn(fronted.upstream, username).catch(() => []);
    if (onServer.length !== 1) faults.push(`the server has ${onServer.length} live leaves of ${username}`);
    const document = JSON.parse(onServer[0] ?? '{}') as { preferences?: Record<string, unknown> };
    for (const [key, value] of Object.entries(preferences)) {
      const stored = JSON.stringify(document.preferences?.[key]);
      if (stored !== JSON.stringify(value)) faults.push(`${username}'s ${key} is ${stored} on the server`);
    }
    for (const device of all.filter((each) => each.username === username)) {
      const { state, unsent, refused } = device.page().store.status();
      if (state !== 'live' || unsent + refused.length > 0) faults.push(`${device.name} is ${state}, ${unsent} unsent`);
      if ((await device.leaves()).join() !== onServer.join()) faults.push(`${device.name} has another document`);
    }
  }
  return faults;
}

async function allMeet(all: readonly RestoreDevice[], expected: Readonly<Record<string, object>>): Promise<void> {
  let faults: readonly string[] = [];
  await eventually(async () => (faults = await faultsOf(all, expected)).length === 0, PATIENCE).catch(() => undefined);
  expect(faults).toEqual([]);
}

it.each([
  // As the service account, which is no server admin, the gate is kept out by CouchDB until set-up has let it in.
  ['a gate that is kept out of it until it is whole', true],
  // As a server admin it gives everybody who waits a new document as soon as there is a database.
  ['a gate that has found it empty', false],
])(
  'edits that a restore lost come back from the devices that have them: %s',
  async (_name, isKeptOut) => {
    const { gate, front, upstream } = fronted;
    const { registry } = upstream.names;
    const create = (name: string, username: string): Promise<RestoreDevice> => createDevice(devices, name, username);
    const [phone, laptop, tablet, kiosk] = [
      await create('phone', 'ada'),
      await create('laptop', 'ada'),
      await create('tablet', 'ada'),
      await create('kiosk', 'ada'),
    ];
    const [desk, pad] = [await create('desk', 'bob'), await create('pad', 'bob')];
    const watch = await create('watch', 'dot');
    const ada = [phone, laptop, tablet, kiosk];
    await inSync(...ada, desk, pad, watch);
    await set(phone, { theme: 'dark' });
    await allShow(ada, { theme: 'dark' });
    await set(desk, { viewMode: 'table' });
    await allShow([pad], { viewMode: 'table' });
    await set(watch, { theme: 'light' });
    await inSync(...ada, desk, pad, watch);
    const before = new Map(await Promise.all(['dot'].map(async (name) => [name, await leavesIn(upstream, name)] as const)));

    const copy = `copy_${upstream.names.suffix}`;
    copies.push(copy);
    await couch().db.create(copy);
    await copyDatabase(upstream, registry, copy);

    // What is edited from now on is not in the copy.
    pad.page().setOffline(true);
    await reaches(pad.page().store, 'offline');
    await set(kiosk, { viewMode: 'graph' });
    await allShow(ada, { viewMode: 'graph' });
    tablet.page().setOffline(true);
    await reaches(tablet.page().store, 'offline');
    await set(laptop, { briefingTime: '06:30' });
    await set(tablet, { recapTime: '20:30' });
    await allShow([phone, kiosk], { briefingTime: '06:30' });
    await set(pad, { timezone: 'Europe/Vienna' });
    await set(desk, { dailyBriefing: true });
    for (let n = 1; n <= 10; n += 1) {
      await set(phone, { selectedTags: [`tag ${n}`] });
      await allShow([laptop, kiosk], { selectedTags: [`tag ${n}`] });
    }
    await inSync(phone, laptop, kiosk, desk);
    // Only the desk has this edit of bob's, and only the kiosk is closed that has all of ada's.
    await desk.page().store.close();
    await kiosk.page().store.close();
    // Somebody who came after the copy: the account is not in the registry, and the document is.
    const cy = upstream.account('cy');
    const credentials = { username: cy, password: 'correct-horse-battery-staple' };
    const post = (path: string): Promise<Response> =>
      fetch(`${gate.url}/api/auth/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
        body: JSON.stringify(credentials),
      });
    expect((await post('register')).status).toBe(201);
    const ring = await create('ring', cy);
    await set(ring, { theme: 'dark' });
    await inSync(ring);

    const count = await countNow();
    const began = performance.now();
    await couch().db.destroy(registry);
    // By itself, within one of its waits.
    await eventually(() => !gate.pouchgate.hub.up);
    if (isKeptOut) front.fault = closed((request) => request.url?.startsWith(`/${registry}`) === true);
    await couch().db.create(registry);
    // Whoever is live has a new document then: ada, dot, and cy.
    if (!isKeptOut) await eventually(async () => (await fronted.registry().list()).rows.length === 3, PATIENCE);
    await copyDatabase(upstream, copy, registry);
    expect(await countNow()).toBeLessThan(count);
    await setUp({ couch: couch(), ...upstream.names });
    front.fault = undefined;
    const restored = performance.now();

    const expected = {
      ada: { theme: 'dark', viewMode: 'graph', briefingTime: '06:30', selectedTags: ['tag 10'] },
      dot: { theme: 'light' },
      [cy]: { theme: 'dark' },
    };
    await allMeet([phone, laptop, watch, ring], expected);
    const met = performance.now();
    console.log('restore took', restored - began, 'live devices met after', met - restored, await phone.page().store.inspect().then(i=>i.events.slice(-12).map(e=>[e.at%100000,e.text].join(' '))));
    if (isKeptOut) expect(await leavesIn(upstream, 'dot')).toEqual(before.get('dot'));

    // Those that were away come back, one by one, with what they alone have.
    tablet.page().setOffline(false);
    pad.page().setOffline(false);
    await kiosk.open();
    const all = [...ada, pad, watch, ring];
    const more = {
      ...expected,
      ada: { ...expected.ada, recapTime: '20:30' },
      bob: { viewMode: 'table', timezone: 'Europe/Vienna' },
    };
    await allMeet(all, more);
    await desk.open();
    all.push(desk);
    const most = { ...more, bob: { ...more.bob, dailyBriefing: true } };
    await allMeet(all, most);

    // And what is edited from now on is live as ever.
    await set(kiosk, { theme: 'system' });
    await allShow(ada, { theme: 'system' });
    await set(pad, { theme: 'dark' });
    await allShow([desk], { theme: 'dark' });
    await allMeet(all, { ...most, ada: { ...most.ada, theme: 'system' }, bob: { ...most.bob, theme: 'dark' } });
    expect((await post('sign-in')).status).toBe(200);
    for (const device of all) {
      expect(await device.anew()).toEqual([]);
      expect(await device.ids()).toEqual([`user_${device.username}`]);
    }
    const { rows } = await fronted.registry().list();
    expect(rows.map(({ id }) => id).filter((id) => !id.startsWith('_design/'))).toEqual(
      ['ada', 'bob', cy, 'dot'].map((name) => `user_${name}`),
    );
  },
  180_000,
);
