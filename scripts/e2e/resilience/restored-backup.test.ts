import type { PatchOf, Preferences } from '../../../couchdb-design/user-document/preference-rules.ts';
import { copyByHand, replicate } from '../../../server/testing/copy-database.ts';
import { connect } from '../../../server/upstream/client.ts';
import { seqNumber } from '../../../server/upstream/feed/row.ts';
import { answering, startFrontedGate, type FrontedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { setUp } from '../../../server/upstream/schema/apply-schema.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { devicesOf, reaches, shows, statesOf } from '../testing/device.ts';
import { createDevice, leavesIn, type RestoreDevice } from './testing/restored-backup.ts';

/**
 * The registry is restored as docs/operations.md says, under a gate and clients that go on running: it is deleted, made
 * again, filled from a copy that is older than the newest edits, and set up. (The real service account goes the same way
 * in scripts/e2e/setup/restore.suite.ts.)
 */

let fronted: FrontedGate;
let copy: string;
const devices = devicesOf(() => ({ registry: fronted.gate.database, token: (name) => fronted.gate.token(name) }));
const couch = () => connect(fronted.upstream.access);

beforeEach(async () => {
  fronted = await startFrontedGate();
  copy = `copy_${fronted.upstream.names.suffix}`;
  await couch().db.create(copy);
});
afterEach(async () => {
  await devices.close();
  await couch().db.destroy(copy);
  await fronted.close();
});

/** What CouchDB tells who is no server admin of a database that was just made. */
const closed = answering(403, '{"error":"forbidden","reason":"You are not allowed to access this db."}');

/** In ms: nothing takes this long that has not gone wrong. */
const PATIENCE = 60_000;

const set = (device: RestoreDevice, patch: PatchOf<Preferences>): Promise<void> => device.page().store.set(patch);
const inSync = (...some: readonly RestoreDevice[]): Promise<unknown> =>
  Promise.all(some.map((device) => reaches(device.page().store, 'live', 0)));
const allShow = (some: readonly RestoreDevice[], expected: Partial<Preferences>): Promise<unknown> =>
  Promise.all(some.map((device) => shows(device.page().store, expected)));
const goOffline = async (device: RestoreDevice): Promise<void> => {
  device.page().setOffline(true);
  await reaches(device.page().store, 'offline');
};

const copyOver = (from: string, to: string): Promise<void> => {
  const { access, kind } = fronted.upstream;
  return kind === 'couchdb' ? replicate({ access, from, to }) : copyByHand({ access, from, to });
};
const updatesNow = async (): Promise<number> => seqNumber(String((await fronted.registry().info()).update_seq));
const idsNow = async (): Promise<string[]> =>
  (await fronted.registry().list()).rows.map(({ id }) => id).filter((id) => !id.startsWith('_design/'));

/** What each user should see, by their names. */
type Expected = Readonly<Record<string, Partial<Preferences>>>;

/** Resolves once all devices and the database have the same, and nothing is left to do. */
async function allMeet(all: readonly RestoreDevice[], expected: Expected): Promise<void> {
  const faultsNow = async (): Promise<readonly string[]> => {
    const faults: string[] = [];
    for (const [username, preferences] of Object.entries(expected)) {
      const stored = await leavesIn(fronted.upstream, username);
      if (stored.length !== 1) faults.push(`the database has ${stored.length} live leaves of ${username}`);
      const has = (JSON.parse(stored[0] ?? '{}') as { preferences?: Record<string, unknown> }).preferences;
      if (JSON.stringify({ ...has, ...preferences }) !== JSON.stringify(has))
        faults.push(`the database has of ${username} ${JSON.stringify(has)}`);
      for (const device of all.filter((each) => each.username === username)) {
        const { state, unsent, refused } = device.page().store.status();
        if (state !== 'live' || unsent > 0 || refused.length > 0)
          faults.push(`${device.name} is ${state} with ${unsent} unsent, ${refused.length} refused`);
        if ((await device.leaves()).join() !== stored.join()) faults.push(`${device.name} has another document`);
      }
    }
    return faults;
  };
  let faults: readonly string[] = [];
  await eventually(async () => (faults = await faultsNow()).length === 0, PATIENCE).catch((error: unknown) => {
    throw new Error(faults.join('\n'), { cause: error });
  });
}

it.each([
  // The service account, which is no server admin, CouchDB keeps out of a new database until set-up has let it in.
  ['the gate is kept out of the database until it is whole', true],
  // As a server admin it finds the new database empty, and gives everybody who waits a new document.
  ['the gate comes before the copy is back', false],
])(
  'what a restore lost comes back from the devices that have it, and none begins anew: %s',
  async (_name, isKeptOut) => {
    const { gate, front, upstream } = fronted;
    const { registry } = upstream.names;
    const create = (name: string, username: string): Promise<RestoreDevice> => createDevice(devices, name, username);
    const phone = await create('phone', 'ada');
    const laptop = await create('laptop', 'ada');
    const tablet = await create('tablet', 'ada');
    const kiosk = await create('kiosk', 'ada');
    const desk = await create('desk', 'bob');
    const pad = await create('pad', 'bob');
    const watch = await create('watch', 'dot');
    const sofa = await create('sofa', 'eve');
    const ada = [phone, laptop, tablet, kiosk];
    await inSync(...ada, desk, pad, watch, sofa);
    await set(phone, { theme: 'dark' });
    await set(desk, { viewMode: 'table' });
    await set(watch, { theme: 'light' });
    await Promise.all([allShow(ada, { theme: 'dark' }), allShow([pad], { viewMode: 'table' })]);
    await inSync(...ada, desk, pad, watch, sofa);

    await copyOver(registry, copy);
    const ofDot = await leavesIn(upstream, 'dot');

    // From here on nothing is in the copy.
    await goOffline(pad);
    await set(kiosk, { viewMode: 'graph' });
    await allShow(ada, { viewMode: 'graph' });
    await goOffline(tablet);
    await set(tablet, { recapTime: '20:30' });
    await set(pad, { timezone: 'Europe/Vienna' });
    await set(desk, { dailyBriefing: true });
    for (let n = 1; n <= 10; n += 1) {
      await set(laptop, { selectedTags: [`tag ${n}`] });
      await allShow([phone, kiosk], { selectedTags: [`tag ${n}`] });
    }
    await inSync(phone, laptop, kiosk, desk);
    await kiosk.page().store.close();
    // One edit of bob's is on this device alone.
    await desk.page().store.close();
    // Somebody who has come after the copy: the account is not in the registry, and the document is.
    const cy = upstream.account('cy');
    const post = (path: string): Promise<Response> =>
      fetch(`${gate.url}/api/auth/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
        body: JSON.stringify({ username: cy, password: 'correct-horse-battery-staple' }),
      });
    expect((await post('register')).status).toBe(201);
    const ring = await create('ring', cy);
    await set(ring, { theme: 'dark' });
    await inSync(ring);

    const updates = await updatesNow();
    const statesOfWatch = statesOf(watch.page().store);
    await couch().db.destroy(registry);
    await eventually(() => !gate.pouchgate.hub.up);
    await set(sofa, { theme: 'light' });
    await reaches(sofa.page().store, 'offline', 1);
    if (isKeptOut) front.fault = closed(({ url }) => url?.startsWith(`/${registry}`) === true);
    await couch().db.create(registry);
    if (!isKeptOut) {
      const waiting = ['ada', cy, 'dot'].map((name) => `user_${name}`);
      await eventually(async () => (await idsNow()).filter((id) => waiting.includes(id)).length === 3, PATIENCE);
    }
    await copyOver(copy, registry);
    expect(await updatesNow()).toBeLessThan(updates);
    await setUp({ couch: couch(), ...upstream.names });
    front.fault = undefined;

    const live: Expected = {
      ada: { theme: 'dark', viewMode: 'graph', selectedTags: ['tag 10'] },
      dot: { theme: 'light' },
      eve: { theme: 'light' },
      [cy]: { theme: 'dark' },
    };
    await allMeet([phone, laptop, watch, sofa, ring], live);
    // Whoever has lost nothing has noticed nothing.
    if (isKeptOut) {
      expect(await leavesIn(upstream, 'dot')).toEqual(ofDot);
      expect(statesOfWatch).toEqual(['live']);
    }

    // Those that were away come with what they alone have.
    tablet.page().setOffline(false);
    pad.page().setOffline(false);
    const all = [...ada, pad, watch, sofa, ring];
    await kiosk.open();
    const away: Expected = {
      ...live,
      ada: { ...live['ada'], recapTime: '20:30' },
      bob: { viewMode: 'table', timezone: 'Europe/Vienna' },
    };
    await allMeet(all, away);
    await desk.open();
    all.push(desk);
    const whole: Expected = { ...away, bob: { ...away['bob'], dailyBriefing: true } };
    await allMeet(all, whole);

    // And what is edited from now on is live as ever.
    await set(kiosk, { theme: 'system' });
    await allShow(ada, { theme: 'system' });
    await set(desk, { theme: 'dark' });
    await allShow([pad], { theme: 'dark' });
    await allMeet(all, {
      ...whole,
      ada: { ...whole['ada'], theme: 'system' },
      bob: { ...whole['bob'], theme: 'dark' },
    });
    expect((await post('sign-in')).status).toBe(200);
    for (const device of all) {
      expect(await device.anew()).toEqual([]);
      expect(await device.ids()).toEqual([`user_${device.username}`]);
    }
    expect(await idsNow()).toEqual(['ada', 'bob', cy, 'dot', 'eve'].map((name) => `user_${name}`));
  },
  180_000,
);
