import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
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
 * Restores the registry as in docs/operations.md while a gate and clients are running: it is deleted, recreated, filled
 * from a copy older than the newest edits, and set up. (scripts/e2e/setup/restore.suite.ts does the same with the real
 * service account.)
 */

let proxied: ProxiedGate;
let copyName: string;
const devices = createDeviceFactory(() => ({
  registryUrl: proxied.gate.database,
  token: (name) => proxied.gate.token(name),
}));
const couch = () => connect(proxied.upstream.access);

beforeEach(async () => {
  proxied = await startProxiedGate();
  copyName = `copy_${proxied.upstream.names.suffix}`;
  await couch().db.create(copyName);
});
afterEach(async () => {
  await devices.close();
  await couch().db.destroy(copyName);
  await proxied.close();
});

/** CouchDB's response about a new database to a caller who is not a server admin. */
const respondForbidden = respondWith(403, '{"error":"forbidden","reason":"You are not allowed to access this db."}');

/** In ms. A convergence that takes longer has failed. */

const setPreferences = (device: RestoreDevice, patch: PatchOf<Preferences>): Promise<void> =>
  device.page().store.set(patch);
const waitForSync = (...targets: readonly RestoreDevice[]): Promise<unknown> =>
  Promise.all(targets.map((device) => waitForState(device.page().store, 'live', 0)));
const waitForPreferencesOnAll = (targets: readonly RestoreDevice[], expected: Partial<Preferences>): Promise<unknown> =>
  Promise.all(targets.map((device) => waitForPreferences(device.page().store, expected)));
const goOffline = async (device: RestoreDevice): Promise<void> => {
  device.page().setOffline(true);
  await waitForState(device.page().store, 'offline');
};

const copyDatabase = (from: string, to: string): Promise<void> => {
  const { access, kind } = proxied.upstream;
  return kind === 'couchdb' ? replicate({ access, from, to }) : copyDocuments({ access, from, to });
};
const readUpdateSeq = async (): Promise<number> => seqNumber(String((await proxied.registry().info()).update_seq));
const listUserDocumentIds = async (): Promise<string[]> =>
  (await proxied.registry().list()).rows.map(({ id }) => id).filter((id) => !id.startsWith('_design/'));

/** The expected preferences by username. */
type Expected = Readonly<Record<string, Partial<Preferences>>>;

/** Resolves once all devices and the database have the same document and nothing is unsent. */
async function waitForConvergence(all: readonly RestoreDevice[], expected: Expected): Promise<void> {
  const findViolations = async (): Promise<readonly string[]> => {
    const violations: string[] = [];
    for (const [username, preferences] of Object.entries(expected)) {
      const stored = await readDatabaseLeaves(proxied.upstream, username);
      if (stored.length !== 1) violations.push(`the database has ${stored.length} live leaves of ${username}`);
      const storedPreferences = (JSON.parse(stored[0] ?? '{}') as { preferences?: Record<string, unknown> })
        .preferences;
      if (JSON.stringify({ ...storedPreferences, ...preferences }) !== JSON.stringify(storedPreferences))
        violations.push(`the database has for ${username} ${JSON.stringify(storedPreferences)}`);
      for (const device of all.filter((candidate) => candidate.username === username)) {
        const { state, unsent, refused } = device.page().store.status();
        if (state !== 'live' || unsent > 0 || refused.length > 0)
          violations.push(`${device.name} is ${state} with ${unsent} unsent, ${refused.length} refused`);
        if ((await device.leaves()).join() !== stored.join()) violations.push(`${device.name} has another document`);
      }
    }
    return violations;
  };
  let violations: readonly string[] = [];
  await eventually(async () => (violations = await findViolations()).length === 0, MAX_WAIT_MS).catch(
    (error: unknown) => {
      throw new Error(violations.join('\n'), { cause: error });
    },
  );
}

it.each([
  // CouchDB denies the service account, which is not a server admin, access to a new database until set-up.
  ['the gate has no access until the restore is complete', true],
  // As a server admin, the gate finds the new database empty and creates a document for each waiter.
  ['the gate has access before the copy is restored', false],
])(
  'devices restore what a backup lost, without a reset: %s',
  async (_name, isDenied) => {
    const { gate, proxy, upstream } = proxied;
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
    const dotLeaves = await readDatabaseLeaves(upstream, 'dot');

    // The copy contains nothing from here on.
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
    // One of bob's edits is on this device only.
    await desk.page().store.close();
    // A user registered after the copy. The account is not stored in the registry; the document is.
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

    const lastSeq = await readUpdateSeq();
    const statesOfWatch = recordStates(watch.page().store);
    await couch().db.destroy(registry);
    await eventually(() => !gate.pouchgate.hub.connected);
    await setPreferences(sofa, { theme: 'light' });
    await waitForState(sofa.page().store, 'offline', 1);
    if (isDenied) proxy.fault = respondForbidden(({ url }) => url?.startsWith(`/${registry}`) === true);
    await couch().db.create(registry);
    if (!isDenied) {
      const waiting = ['ada', cy, 'dot'].map((name) => `user_${name}`);
      await eventually(
        async () => (await listUserDocumentIds()).filter((id) => waiting.includes(id)).length === 3,
        MAX_WAIT_MS,
      );
    }
    await copyDatabase(copyName, registry);
    expect(await readUpdateSeq()).toBeLessThan(lastSeq);
    await applySchema({ couch: couch(), ...upstream.names });
    proxy.fault = undefined;

    const live: Expected = {
      ada: { theme: 'dark', viewMode: 'graph', selectedTags: ['tag 10'] },
      dot: { theme: 'light' },
      eve: { theme: 'light' },
      [cy]: { theme: 'dark' },
    };
    await waitForConvergence([phone, laptop, watch, sofa, ring], live);
    // A user who lost nothing sees no change.
    if (isDenied) {
      expect(await readDatabaseLeaves(upstream, 'dot')).toEqual(dotLeaves);
      expect(statesOfWatch).toEqual(['live']);
    }

    // The devices that were offline send the edits that only they have.
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

    // Later edits are live.
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
