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
  if (username === undefined) throw new Error(`${name} is not a username.`);
  return username;
}

/** The design with an additional view, as a later version may have. */
async function newerDesign(): Promise<DatabaseDesign> {
  const { designs, security } = await readDatabaseDesign();
  const map = `(function (doc) { if (doc.type === 'user_preferences') emit(doc.username, '${randomBytes(4).toString('hex')}'); });`;
  return {
    security,
    designs: designs.map((each) => ({ ...each, views: { ...(each['views'] as object), by_name: { map } } })),
  };
}

/** Databases that existed before set-up, and changes made by hand after it. */
export function describeConflictingState(fixture: () => SetupFixture): void {
  const registryDatabase = () => fixture().couch.use<Json>(fixture().names.registry);

  it('rejects a database with other data, with an example, and uses it with --adopt', async () => {
    const { run, couch, newName } = fixture();
    const other = newName();
    await couch.db.create(other);
    const invoice = await couch.use<Json>(other).insert({ _id: 'invoice-17', total: 4 });
    const security: unknown = await couch.request({ db: other, path: '_security' });
    const before = await readUpdateSequence(couch, other);
    const result = await run([], { REGISTRY_DB: other });
    expect(result.code).toBe(1);
    expect(result.errorLines[0]).toContain(`The database ${other} contains other data: "invoice-17"`);
    expect(result.errorLines.at(-1)).toBe('Nothing was changed.');
    expect(await readUpdateSequence(couch, other)).toBe(before);
    expect(await couch.request({ db: other, path: '_security' })).toEqual(security);

    expect((await run(['--adopt'], { REGISTRY_DB: other })).code).toBe(0);
    expect(await couch.use<Json>(other).get('invoice-17')).toMatchObject({ _rev: invoice.rev, total: 4 });
    // --adopt is needed once.
    expect((await run([], { REGISTRY_DB: other })).outputLines).toContain('Nothing had to be changed.');
  });

  it('treats a document with only the id of a user document as other data', async () => {
    const { run, couch, newName } = fixture();
    const other = newName();
    await couch.db.create(other);
    await couch
      .use<Json>(other)
      .bulk({ docs: [newUserDocument(toUsername('a'), new Date()), { _id: 'user_b', type: 'person' }] });
    expect((await run([], { REGISTRY_DB: other })).errorLines[0]).toContain('"user_b"');
  });

  it('accepts the other documents that gates store beside sessions', async () => {
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
    const result = await run();
    expect([result.code, result.errorLines]).toEqual([0, []]);
    await sessions.bulk({ docs: stored.map(({ id: _id, rev: _rev }) => ({ _id, _rev, _deleted: true })) });
  });

  it('accepts a registry with existing user documents', async () => {
    const { run, couch, newName } = fixture();
    const registry = newName();
    await couch.db.create(registry);
    await couch.use<Json>(registry).insert({ ...newUserDocument(toUsername('a'), new Date()) });
    expect(await run([], { REGISTRY_DB: registry })).toMatchObject({ code: 0, errorLines: [] });
  });

  it('rejects a registry whose documents have another id prefix, and an invalid prefix', async () => {
    const { run, couch, newName } = fixture();
    const registry = newName();
    const own = { REGISTRY_DB: registry, ID_PREFIX: 'prefs.' };
    const created = await run([], own);
    expect([created.code, created.environment['ID_PREFIX']]).toEqual([0, 'prefs.']);
    const again = await run([], own);
    expect([again.code, again.outputLines]).toEqual([0, expect.arrayContaining(['Nothing had to be changed.'])]);
    const before = await readUpdateSequence(couch, registry);
    const other = await run([], { REGISTRY_DB: registry });
    expect(other.code).toBe(1);
    expect(other.errorLines[0]).toContain(
      `The documents of ${registry} have ids that begin with prefs., and ID_PREFIX is user_`,
    );
    expect(await readUpdateSequence(couch, registry)).toBe(before);
    const invalid = await run([], { ID_PREFIX: '_design/' });
    expect([invalid.code, invalid.errorLines[0]]).toEqual([
      1,
      expect.stringContaining('ID_PREFIX is not a valid prefix of'),
    ]);
  });

  it('accepts existing documents with the configured prefix, and treats those of another as other data', async () => {
    const { run, couch, newName } = fixture();
    const registry = newName();
    await couch.db.create(registry);
    const id = documentIdFactory('prefs.')(toUsername('a'));
    await couch.use<Json>(registry).insert({ ...newUserDocument(toUsername('a'), new Date(), id) });
    expect((await run([], { REGISTRY_DB: registry })).errorLines[0]).toContain('"prefs.a"');
    expect(await run([], { REGISTRY_DB: registry, ID_PREFIX: 'prefs.' })).toMatchObject({ code: 0, errorLines: [] });
  });

  it('removes principals that were added by hand with --replace only', async () => {
    const { run, couch, names } = fixture();
    const path = { db: names.registry, path: '_security' };
    const before: unknown = await couch.request(path);
    const open = {
      admins: { names: ['boss'], roles: [] },
      members: { names: [], roles: ['registry_user', 'reports'] },
    };
    await couch.request({ ...path, method: 'PUT', body: open });
    const result = await run();
    expect(result.code).toBe(1);
    expect(result.errorLines[0]).toContain(
      `The database ${names.registry} also admits the role reports, the name boss.`,
    );
    expect(await couch.request(path)).toEqual(open);
    expect((await run(['--replace'])).code).toBe(0);
    expect(await couch.request(path)).toEqual(before);
  });

  it('overwrites a design document that is foreign or was changed by hand with --replace only', async () => {
    const { run } = fixture();
    const ours = await registryDatabase().get(ID);
    for (const [change, reason] of [
      [{ content_hash: undefined, views: {} }, 'was not written by Pouchgate'],
      [{ validate_doc_update: 'function () {}' }, 'was changed by hand'],
    ] as const) {
      const { _rev } = await registryDatabase().get(ID);
      await registryDatabase().insert(JSON.parse(JSON.stringify({ ...ours, ...change, _rev })) as Json);
      const changed = await registryDatabase().get(ID);
      const result = await run();
      expect(result.code).toBe(1);
      expect(result.errorLines[0]).toContain(`${ID} in ${fixture().names.registry} ${reason}`);
      expect(await registryDatabase().get(ID)).toEqual(changed);
      expect((await run(['--replace'])).code).toBe(0);
      expect(await registryDatabase().get(ID)).toEqual({ ...ours, _rev: expect.any(String) as string });
    }
  });

  it('builds views before they replace the old ones, which answer queries until then', async () => {
    const { run, couch, names } = fixture();
    const users = Array.from({ length: 300 }, (_, n) => newUserDocument(toUsername(`u${n}`), new Date()));
    await registryDatabase().bulk({ docs: users });
    const view = (name: string, query: object = {}) =>
      registryDatabase().view('registry', name, { reduce: false, ...query });
    // In a cluster each query reads one replica, which may lag.
    let completeCount = 0;
    await eventually(async () => {
      completeCount = (await view('by_updated_at')).rows.length === 300 ? completeCount + 1 : 0;
      return completeCount === 20;
    });

    const design = await newerDesign();
    const state = { over: false };
    const running = run([], {}, design).finally(() => (state.over = true));
    let queryCount = 0;
    let interruptedCount = 0;
    while (!state.over) {
      const result = await view('by_updated_at').catch((error: unknown) => {
        // CouchDB fails a query that is running at the moment of the replacement, with another error if the index's process
        // has just ended. A retry succeeds.
        const isInterruption = ({ message }: Error): boolean =>
          message === 'Design document was updated or deleted.' ||
          (usesCluster() && /gen_server,call,.*get_state/.test(message));
        if (!(error instanceof Error) || !isInterruption(error)) throw error;
        interruptedCount += 1;
      });
      if (result !== undefined) expect(result.rows).toHaveLength(300);
      queryCount += 1;
    }
    expect(interruptedCount).toBeLessThanOrEqual(1);
    const result = await running;
    expect(result).toMatchObject({ code: 0, errorLines: [] });
    expect(result.outputLines).toContain(`done    write ${ID} in ${names.registry}, once its views are built`);
    expect(queryCount).toBeGreaterThan(0);
    // `stale` reads the index without an update. A replica that lagged catches up.
    const countIndexedRows = async (): Promise<number> => (await view('by_name', { stale: 'ok' })).rows.length;
    await waitForConsistency(async () => (await countIndexedRows()) === 300);
    await expect(couch.use(names.registry).get(viewWarmupDesign({ _id: ID })._id)).rejects.toMatchObject({
      statusCode: 404,
    });
    expect((await run([], {}, design)).outputLines).toContain('Nothing had to be changed.');
    expect((await run()).code).toBe(0);
  });

  it('deletes what an unfinished set-up has left over', async () => {
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

  it('does not use an existing account as the service account', async () => {
    const { run, couch, newName } = fixture();
    const name = newName();
    const account = { _id: `org.couchdb.user:${name}`, name, type: 'user', roles: ['x'], password: 'pw' };
    const { rev } = await couch.use<object>('_users').insert(account);
    const result = await run(['--replace', '--new-password'], { SERVICE_USER: name });
    expect(result.code).toBe(1);
    expect(result.errorLines[0]).toContain(`An account ${name} already exists`);
    expect((await couch.use('_users').get(account._id))._rev).toBe(rev);
  });
}
