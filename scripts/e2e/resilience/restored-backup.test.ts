import type { PatchOf, Preferences } from '../../../couchdb-design/user-document/preference-rules.ts';
import { copyDocuments, replicate } from '../../../server/testing/copy-database.ts';
import { connect } from '../../../server/upstream/client.ts';
import { seqNumber } from '../../../server/upstream/feed/row.ts';
import { respondWith, startProxiedGate, type ProxiedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { applySchema } from '../../../server/upstream/schema/apply-schema.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { createDeviceFactory, waitForState, waitForPreferences, recordStates } from '../testing/device.ts';
import { createRestoreDevice, readDatabaseLeaves, type RestoreDevice } from './testing/restored-backup.ts';

/**
 * The registry is restored as docs/operations.md says, under a gate and clients that go on running: it is deleted, made
 * again, filled from a copy that is older than the newest edits, and set up. (The real service account goes the same way
 * in scripts/e2e/setup/restore.suite.ts.)
 */

let fronted: ProxiedGate;
let copyName: string;
const devices = createDeviceFactory(() => ({
  registryUrl: fronted.gate.database,
  token: (name) => fronted.gate.token(name),
}));
const couch = () => connect(fronted.upstream.access);

beforeEach(async () => {
  fronted = await startProxiedGate();
  copyName = `copy_${fronted.upstream.names.suffix}`;
  await couch().db.create(copyName);
});
afterEach(async () => {
  await devices.close();
  await couch().db.destroy(copyName);
  await fronted.close();
});

/** What CouchDB tells who is no server admin of a database that was just made. */
const respondForbidden = respondWith(403, '{"error":"forbidden","reason":"You are not allowed to access this db."}');

/** In ms: nothing takes this long that has not gone wrong. */
const CONVERGENCE_TIMEOUT_MS = 60_000;

const setPreferences = (device: RestoreDevice, patch: PatchOf<Preferences>): Promise<void> =>
  device.page().store.set(patch);
const waitForSync = (...some: readonly RestoreDevice[]): Promise<unknown> =>
  Promise.all(some.map((device) => waitForState(device.page().store, 'live', 0)));
const waitForPreferencesOnAll = (some: readonly RestoreDevice[], expected: Partial<Preferences>): Promise<unknown> =>
  Promise.all(some.map((device) => waitForPreferences(device.page().store, expected)));
const goOffline = async (device: RestoreDevice): Promise<void> => {
  device.page().setOffline(true);
  await waitForState(device.page().store, 'offline');
};

const copyDatabase = (from: string, to: string): Promise<void> => {
  const { access, kind } = fronted.upstream;
  return kind === 'couchdb' ? replicate({ access, from, to }) : copyDocuments({ access, from, to });
};
const readUpdateSeq = async (): Promise<number> => seqNumber(String((await fronted.registry().info()).update_seq));
const listUserDocumentIds = async (): Promise<string[]> =>
  (await fronted.registry().list()).rows.map(({ id }) => id).filter((id) => !id.startsWith('_design/'));

/** What each user should see, by their names. */
type Expected = Readonly<Record<string, Partial<Preferences>>>;

/** Resolves once all devices and the database have the same, and nothing is left to do. */
async function waitForConvergence(all: readonly RestoreDevice[], expected: Expected): Promise<void> {
  const findViolations = async (): Promise<readonly string[]> => {
    const faults: string[] = [];
    for (const [username, preferences] of Object.entries(expected)) {
      const stored = await readDatabaseLeaves(fronted.upstream, username);
      if (stored.length !== 1) faults.push(`the database has ${stored.length} live leaves of ${username}`);
      const storedPreferences = (JSON.parse(stored[0] ?? '{}') as { preferences?: Record<string, unknown> })
        .preferences;
      if (JSON.stringify({ ...storedPreferences, ...preferences }) !== JSON.stringify(storedPreferences))
        faults.push(`the database has of ${username} ${JSON.stringify(storedPreferences)}`);
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
  await eventually(async () => (faults = await findViolations()).length === 0, CONVERGENCE_TIMEOUT_MS).catch(
    (error: unknown) => {
      throw new Error(faults.join('\n'), { cause: error });
    },
  );
}

it.each([
  // The service account, which is no server admin, CouchDB keeps out of a new database until set-up has let it in.
  ['the gate is kept out of the database until it is whole', true],
  // As a server admin it finds the new database empty, and gives everybody who waits a new document.
  ['the gate comes before the copy is back', false],
])(
  'what a restore lost comes back from the devices that have it, and none begins anew: %s',
  async (_name, isKeptOut) => {
    const { gate, proxy, upstream } = fronted;
    const { registry } = upstream.names;
    const create = (name: string, username: string): Promise<RestoreDevice> =>
      createRestoreDevice(devices, name, username);
    const phone = await create('phone', 'ada');
    const laptop = await create('laptop', 'ada');
    const tablet = await create('tablet', 'ada');
    const kiosk = await create('kiosk', 'ada');
    const desk = await create('desk', 'bob');
    const pad = await create('pad', 'bob');
    const watch = await create('watch', 'dot');
    const sofa = await create('sofa', 'eve');
    const ada = [phone, laptop, tablet, kiosk];
    await waitForSync(...ada, desk, pad, watch, sofa);
    await setPreferences(phone, { theme: 'dark' });
    await setPreferences(desk, { viewMode: 'table' });
    await setPreferences(watch, { theme: 'light' });
    await Promise.all([
      waitForPreferencesOnAll(ada, { theme: 'dark' }),
      waitForPreferencesOnAll([pad], { viewMode: 'table' }),
    ]);
    await waitForSync(...ada, desk, pad, watch, sofa);

    await copyDatabase(registry, copyName);
    const ofDot = await readDatabaseLeaves(upstream, 'dot');

    // From here on nothing is in the copy.
    await goOffline(pad);
    await setPreferences(kiosk, { viewMode: 'graph' });
    await waitForPreferencesOnAll(ada, { viewMode: 'graph' });
    await goOffline(tablet);
    await setPreferences(tablet, { recapTime: '20:30' });
    await setPreferences(pad, { timezone: 'Europe/Vienna' });
    await setPreferences(desk, { dailyBriefing: true });
    for (let n = 1; n <= 10; n += 1) {
      await setPreferences(laptop, { selectedTags: [`tag ${n}`] });
      await waitForPreferencesOnAll([phone, kiosk], { selectedTags: [`tag ${n}`] });
    }
    await waitForSync(phone, laptop, kiosk, desk);
    await kiosk.page().store.close();
    // One edit of bob's is on this device alone.
    await desk.page().store.close();
    // Somebody who has come after the copy: the account is not in the registry, and the document is.
    const cy = upstream.accountName('cy');
    const post = (path: string): Promise<Response> =>
      fetch(`${gate.url}/api/auth/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
        body: JSON.stringify({ username: cy, password: 'correct-horse-battery-staple' }),
      });
    expect((await post('register')).status).toBe(201);
    const ring = await create('ring', cy);
    await setPreferences(ring, { theme: 'dark' });
    await waitForSync(ring);

    const updates = await readUpdateSeq();
    const statesOfWatch = recordStates(watch.page().store);
    await couch().db.destroy(registry);
    await eventually(() => !gate.pouchgate.hub.connected);
    await setPreferences(sofa, { theme: 'light' });
    await waitForState(sofa.page().store, 'offline', 1);
    if (isKeptOut) proxy.fault = respondForbidden(({ url }) => url?.startsWith(`/${registry}`) === true);
    await couch().db.create(registry);
    if (!isKeptOut) {
      const waiting = ['ada', cy, 'dot'].map((name) => `user_${name}`);
      await eventually(
        async () => (await listUserDocumentIds()).filter((id) => waiting.includes(id)).length === 3,
        CONVERGENCE_TIMEOUT_MS,
      );
    }
    await copyDatabase(copyName, registry);
    expect(await readUpdateSeq()).toBeLessThan(updates);
    await applySchema({ couch: couch(), ...upstream.names });
    proxy.fault = undefined;

    const live: Expected = {
      ada: { theme: 'dark', viewMode: 'graph', selectedTags: ['tag 10'] },
      dot: { theme: 'light' },
      eve: { theme: 'light' },
      [cy]: { theme: 'dark' },
    };
    await waitForConvergence([phone, laptop, watch, sofa, ring], live);
    // Whoever has lost nothing has noticed nothing.
    if (isKeptOut) {
      expect(await readDatabaseLeaves(upstream, 'dot')).toEqual(ofDot);
      expect(statesOfWatch).toEqual(['live']);
    }

    // Those that were away come with what they alone have.
    tablet.page().setOffline(false);
    pad.page().setOffline(false);
    const all = [...ada, pad, watch, sofa, ring];
    await kiosk.reopen();
    const away: Expected = {
      ...live,
      ada: { ...live['ada'], recapTime: '20:30' },
      bob: { viewMode: 'table', timezone: 'Europe/Vienna' },
    };
    await waitForConvergence(all, away);
    await desk.reopen();
    all.push(desk);
    const whole: Expected = { ...away, bob: { ...away['bob'], dailyBriefing: true } };
    await waitForConvergence(all, whole);

    // And what is edited from now on is live as ever.
    await setPreferences(kiosk, { theme: 'system' });
    await waitForPreferencesOnAll(ada, { theme: 'system' });
    await setPreferences(desk, { theme: 'dark' });
    await waitForPreferencesOnAll([pad], { theme: 'dark' });
    await waitForConvergence(all, {
      ...whole,
      ada: { ...whole['ada'], theme: 'system' },
      bob: { ...whole['bob'], theme: 'dark' },
    });
    expect((await post('sign-in')).status).toBe(200);
    for (const device of all) {
      expect(await device.findResets()).toEqual([]);
      expect(await device.documentIds()).toEqual([`user_${device.username}`]);
    }
    expect(await listUserDocumentIds()).toEqual(['ada', 'bob', cy, 'dot', 'eve'].map((name) => `user_${name}`));
  },
  180_000,
);
