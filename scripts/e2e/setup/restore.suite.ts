import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import pino from 'pino';
import { readConfig } from '../../../server/config/config.ts';
import {
  createPeer,
  editPreferences,
  readPreference,
  waitForIdle,
  SHORT_BACKOFF,
  type Content,
} from '../../../server/testing/pouchdb-peer.ts';
import { startPouchgate } from '../../../server/app/start.ts';
import { copyDocuments } from '../../../server/testing/copy-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { readUpdateSequence, type SetupFixture } from './testing/fixture.ts';

/** Restores the registry as described in docs/operations.md, while a gate runs with the service account. */
export function describeRestore(fixture: () => SetupFixture): void {
  it('locks a gate out of the database until set-up has run; the gate then continues from a lower sequence', async () => {
    const { access, couch, names, newName, run } = fixture();
    const { registry } = names;
    const [username, another] = [newName(), newName()];
    const id = `user_${username}`;
    const secret = randomBytes(32).toString('hex');
    const { environment } = await run(['--new-password', '--new-secret']);
    const settings = { PORT: '0', METRICS_PORT: 'off', DRAIN_SECONDS: '0', JWT_SECRET: secret };
    const gate = await startPouchgate({
      config: readConfig({ ...settings, ...environment }),
      log: pino({ level: 'silent' }),
    });
    const database = `${gate.url}/sync/${registry}`;
    const token = (sub: string): string => jwt.sign({ sub }, secret, { expiresIn: 600 });
    const statusFor = async (sub: string): Promise<number> =>
      (await fetch(`${database}/user_${sub}`, { headers: { authorization: `Bearer ${token(sub)}` } })).status;
    const isReady = async (): Promise<boolean> => (await fetch(`${gate.url}/readyz`)).status === 200;
    const editInDatabase = async (preferences: object): Promise<string> => {
      const documents = couch.use<Content>(registry);
      return (await documents.insert({ ...(await documents.get(id)), preferences: { ...preferences } })).rev;
    };
    const listIds = async (name: string): Promise<string[]> => (await couch.use(name).list()).rows.map((row) => row.id);
    const peer = createPeer({ database, token: () => token(username) });
    try {
      void peer.sync(SHORT_BACKOFF);
      await waitForIdle(peer);
      await editPreferences(peer.local, id, { theme: 'dark' });
      await eventually(async () => (await couch.use<Content>(registry).get(id)).preferences['theme'] === 'dark');

      const copy = newName();
      await couch.db.create(copy);
      await copyDocuments({ access, from: registry, to: copy });
      for (let n = 1; n <= 20; n += 1) await editInDatabase({ theme: 'dark', selectedTags: [`tag ${n}`] });
      await eventually(async () => String(await readPreference(peer.local, id, 'selectedTags')) === 'tag 20');
      const before = await readUpdateSequence(couch, registry);

      await couch.db.destroy(registry);
      await eventually(() => !gate.hub.connected);
      await couch.db.create(registry);
      // The gate creates no document in a database that only seems empty.
      for (const name of [username, another]) expect(await statusFor(name)).toBe(502);
      await copyDocuments({ access, from: copy, to: registry });
      for (const name of [username, another]) expect(await statusFor(name)).toBe(502);
      expect(await listIds(registry)).toEqual(await listIds(copy));
      expect([gate.hub.connected, await isReady()]).toEqual([false, false]);
      expect(await readUpdateSequence(couch, registry)).toBeLessThan(before);

      expect(await run()).toMatchObject({ code: 0, errorLines: [] });
      await eventually(isReady);
      // Even a revision of a generation that clients already know is delivered.
      const rev = await editInDatabase({ theme: 'light' });
      const isThere = async (): Promise<boolean> => 'ok' in ((await peer.local.get(id, { open_revs: [rev] }))[0] ?? {});
      await eventually(isThere);
      expect(await statusFor(another)).toBe(200);
    } finally {
      await peer.close();
      await gate.close();
    }
  });
}
