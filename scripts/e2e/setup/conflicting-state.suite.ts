import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { randomBytes } from 'node:crypto';
import {
  documentIdFactory,
  newUserDocument,
  parseUsername,
  type Username,
} from '../../../couchdb-design/user-document/user-document.ts';
import { readDatabaseDesign, type DatabaseDesign } from '../../../server/upstream/schema/design-documents.ts';
import { addContentHash } from '../../../server/upstream/schema/design-hash.ts';
import { waitForConsistency, usesCluster } from '../../../server/testing/test-database.ts';
import { viewWarmupDesign } from '../../../server/upstream/schema/view-warmup-design.ts';
import { readUpdateSequence, type SetupFixture } from './testing/fixture.ts';

type Json = Record<string, unknown>;
const ID = '_design/registry';

function toUsername(name: string): Username {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is no username.`);
  return username;
}

/** The design with another view beside the others, as a later version may have it. */
async function newerDesign(): Promise<DatabaseDesign> {
  const { designs, security } = await readDatabaseDesign();
  const map = `(function (doc) { if (doc.type === 'user_preferences') emit(doc.username, '${randomBytes(4).toString('hex')}'); });`;
  return {
    security,
    designs: designs.map((each) => ({ ...each, views: { ...(each['views'] as object), by_name: { map } } })),
  };
}

/** What was there before set-up, and what somebody did after it. */
export function describeConflictingState(fixture: () => SetupFixture): void {
  const registryDatabase = () => fixture().couch.use<Json>(fixture().names.registry);

  it('a database with other data is refused, with an example, and used when that is asked for', async () => {
    const { run, couch, newName } = fixture();
    const other = newName();
    await couch.db.create(other);
    const invoice = await couch.use<Json>(other).insert({ _id: 'invoice-17', total: 4 });
    const security: unknown = await couch.request({ db: other, path: '_security' });
    const before = await readUpdateSequence(couch, other);
    const ran = await run([], { REGISTRY_DB: other });
    expect(ran.code).toBe(1);
    expect(ran.errorLines[0]).toContain(`The database ${other} contains other data: "invoice-17"`);
    expect(ran.errorLines.at(-1)).toBe('Nothing was changed.');
    expect(await readUpdateSequence(couch, other)).toBe(before);
    expect(await couch.request({ db: other, path: '_security' })).toEqual(security);

    expect((await run(['--adopt'], { REGISTRY_DB: other })).code).toBe(0);
    expect(await couch.use<Json>(other).get('invoice-17')).toMatchObject({ _rev: invoice.rev, total: 4 });
    // It was asked for once.
    expect((await run([], { REGISTRY_DB: other })).outputLines).toContain('Nothing had to be changed.');
  });

  it('what looks like a user document by its id alone is other data too', async () => {
    const { run, couch, newName } = fixture();
    const other = newName();
    await couch.db.create(other);
    await couch
      .use<Json>(other)
      .bulk({ docs: [newUserDocument(toUsername('a'), new Date()), { _id: 'user_b', type: 'person' }] });
    expect((await run([], { REGISTRY_DB: other })).errorLines[0]).toContain('"user_b"');
  });

  it('what gates keep beside sessions is no other data', async () => {
    const { run, couch, names } = fixture();
    const ids = [
      'session:x',
      'suspended:x',
      'registering:x',
      'telegram-chat:7',
      'telegram-link:x-7',
      'telegram-code:x',
    ];
    const docs = [...ids, 'telegram-code-of:x', 'telegram-lease', 'telegram-updates'].map((_id) => ({ _id }));
    const sessions = couch.use<Json>(names.sessions);
    const stored = (await sessions.bulk({ docs })) as { id: string; rev: string }[];
    const ran = await run();
    expect([ran.code, ran.errorLines]).toEqual([0, []]);
    await sessions.bulk({ docs: stored.map(({ id: _id, rev: _rev }) => ({ _id, _rev, _deleted: true })) });
  });

  it('users of a registry of before are at home', async () => {
    const { run, couch, newName } = fixture();
    const registry = newName();
    await couch.db.create(registry);
    await couch.use<Json>(registry).insert({ ...newUserDocument(toUsername('a'), new Date()) });
    expect(await run([], { REGISTRY_DB: registry })).toMatchObject({ code: 0, errorLines: [] });
  });

  it('documents of another prefix are those of another deployment, which is not broken unasked', async () => {
    const { run, couch, newName } = fixture();
    const registry = newName();
    const own = { REGISTRY_DB: registry, ID_PREFIX: 'prefs.' };
    const made = await run([], own);
    expect([made.code, made.environment['ID_PREFIX']]).toEqual([0, 'prefs.']);
    const again = await run([], own);
    expect([again.code, again.outputLines]).toEqual([0, expect.arrayContaining(['Nothing had to be changed.'])]);
    const before = await readUpdateSequence(couch, registry);
    const other = await run([], { REGISTRY_DB: registry });
    expect(other.code).toBe(1);
    expect(other.errorLines[0]).toContain(
      `The documents of ${registry} have ids that begin with prefs., and ID_PREFIX is user_`,
    );
    expect(await readUpdateSequence(couch, registry)).toBe(before);
    const odd = await run([], { ID_PREFIX: '_design/' });
    expect([odd.code, odd.errorLines[0]]).toEqual([1, expect.stringContaining('ID_PREFIX is not a valid prefix of')]);
  });

  it('users of a registry with a prefix of its own are at home, and those of another are other data', async () => {
    const { run, couch, newName } = fixture();
    const registry = newName();
    await couch.db.create(registry);
    const id = documentIdFactory('prefs.')(toUsername('a'));
    await couch.use<Json>(registry).insert({ ...newUserDocument(toUsername('a'), new Date(), id) });
    expect((await run([], { REGISTRY_DB: registry })).errorLines[0]).toContain('"prefs.a"');
    expect(await run([], { REGISTRY_DB: registry, ID_PREFIX: 'prefs.' })).toMatchObject({ code: 0, errorLines: [] });
  });

  it('whom somebody let in is shut out when that is asked for, and not before', async () => {
    const { run, couch, names } = fixture();
    const path = { db: names.registry, path: '_security' };
    const before: unknown = await couch.request(path);
    const open = {
      admins: { names: ['boss'], roles: [] },
      members: { names: [], roles: ['registry_user', 'reports'] },
    };
    await couch.request({ ...path, method: 'PUT', body: open });
    const ran = await run();
    expect(ran.code).toBe(1);
    expect(ran.errorLines[0]).toContain(`The database ${names.registry} also admits the role reports, the name boss.`);
    expect(await couch.request(path)).toEqual(open);
    expect((await run(['--replace'])).code).toBe(0);
    expect(await couch.request(path)).toEqual(before);
  });

  it('a design document from elsewhere, or changed by hand, is overwritten when that is asked for, and not before', async () => {
    const { run } = fixture();
    const ours = await registryDatabase().get(ID);
    for (const [change, reason] of [
      [{ content_hash: undefined, views: {} }, 'was not written by Pouchgate'],
      [{ validate_doc_update: 'function () {}' }, 'was changed by hand'],
    ] as const) {
      const { _rev } = await registryDatabase().get(ID);
      await registryDatabase().insert(JSON.parse(JSON.stringify({ ...ours, ...change, _rev })) as Json);
      const changed = await registryDatabase().get(ID);
      const ran = await run();
      expect(ran.code).toBe(1);
      expect(ran.errorLines[0]).toContain(`${ID} in ${fixture().names.registry} ${reason}`);
      expect(await registryDatabase().get(ID)).toEqual(changed);
      expect((await run(['--replace'])).code).toBe(0);
      expect(await registryDatabase().get(ID)).toEqual({ ...ours, _rev: expect.any(String) as string });
    }
  });

  it('views are built before they replace the old ones, which answer meanwhile', async () => {
    const { run, couch, names } = fixture();
    const users = Array.from({ length: 300 }, (_, n) => newUserDocument(toUsername(`u${n}`), new Date()));
    await registryDatabase().bulk({ docs: users });
    const view = (name: string, query: object = {}) =>
      registryDatabase().view('registry', name, { reduce: false, ...query });
    // Each query asks one copy of a cluster, which may not have them yet.
    let whole = 0;
    await eventually(async () => {
      whole = (await view('by_updated_at')).rows.length === 300 ? whole + 1 : 0;
      return whole === 20;
    });

    const design = await newerDesign();
    const state = { over: false };
    const running = run([], {}, design).finally(() => (state.over = true));
    let asked = 0;
    let atTheMoment = 0;
    while (!state.over) {
      const answer = await view('by_updated_at').catch((error: unknown) => {
        // CouchDB ends a query that is under way at the very moment of the exchange, in one way or, when the index's process
        // has ended just then, in another; asked again, it is answered.
        const isThat = ({ message }: Error): boolean =>
          message === 'Design document was updated or deleted.' ||
          (usesCluster() && /gen_server,call,.*get_state/.test(message));
        if (!(error instanceof Error) || !isThat(error)) throw error;
        atTheMoment += 1;
      });
      if (answer !== undefined) expect(answer.rows).toHaveLength(300);
      asked += 1;
    }
    expect(atTheMoment).toBeLessThanOrEqual(1);
    const ran = await running;
    expect(ran).toMatchObject({ code: 0, errorLines: [] });
    expect(ran.outputLines).toContain(`done    write ${ID} in ${names.registry}, once its views are built`);
    expect(asked).toBeGreaterThan(0);
    // Out of the index as it is: nothing is built for this. A copy of a cluster that had not all documents then follows.
    const asItIs = async (): Promise<number> => (await view('by_name', { stale: 'ok' })).rows.length;
    await waitForConsistency(async () => (await asItIs()) === 300);
    await expect(couch.use(names.registry).get(viewWarmupDesign({ _id: ID })._id)).rejects.toMatchObject({
      statusCode: 404,
    });
    expect((await run([], {}, design)).outputLines).toContain('Nothing had to be changed.');
    expect((await run()).code).toBe(0);
  });

  it('what a set-up that was stopped has left is gone after the next', async () => {
    const { run, names } = fixture();
    const [design] = (await readDatabaseDesign()).designs;
    if (design === undefined) throw new Error('There is no design document.');
    const left = addContentHash(viewWarmupDesign(design));
    await registryDatabase().insert(left);
    expect((await run()).outputLines).toContain(
      `done    delete ${left._id} from ${names.registry}, left over from an unfinished set-up`,
    );
    expect((await run()).outputLines).toContain('Nothing had to be changed.');
  });

  it("somebody's account is not made the service account", async () => {
    const { run, couch, newName } = fixture();
    const name = newName();
    const account = { _id: `org.couchdb.user:${name}`, name, type: 'user', roles: ['x'], password: 'pw' };
    const { rev } = await couch.use<object>('_users').insert(account);
    const ran = await run(['--replace', '--new-password'], { SERVICE_USER: name });
    expect(ran.code).toBe(1);
    expect(ran.errorLines[0]).toContain(`An account ${name} already exists`);
    expect((await couch.use('_users').get(account._id))._rev).toBe(rev);
  });
}
