import { pbkdf2Sync } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { startEmbeddedEngine } from './engine.ts';
import {
  REGISTRY_USERS_SECURITY,
  sendersOf,
  startTestEngine,
  type SendRequest,
  type TestEngine,
} from '../../testing/embedded-engine.ts';

let testEngine: TestEngine;
let member: SendRequest;
let stranger: SendRequest;

beforeAll(async () => {
  testEngine = await startTestEngine();
  await testEngine.asAdmin('PUT', '/shared');
  await testEngine.asAdmin('PUT', '/shared/_security', REGISTRY_USERS_SECURITY);
  await testEngine.asAdmin('PUT', '/shared/doc', { secret: 'canary' });
  await testEngine.asAdmin('PUT', '/closed');
  await testEngine.asAdmin('PUT', '/closed/doc', { secret: 'canary' });
  member = await testEngine.createAccount('alice', ['registry_user']);
  stranger = await testEngine.createAccount('mallory', []);
});

afterAll(() => testEngine.engine.close());

const expectedRejection = expect.objectContaining({
  error: expect.stringMatching(/^(?:unauthorized|forbidden)$/) as unknown,
  reason: expect.any(String) as unknown,
}) as unknown;

// Three to a row: Jest takes a parameter for which a row has nothing as its `done` callback.
type Row = [method: string, path: string, body: unknown];
const row = (method: string, path: string, body?: unknown): Row => [method, path, body];

const DOCUMENT_REQUESTS: Row[] = [
  row('GET', ''),
  row('HEAD', ''),
  row('GET', '/doc'),
  row('GET', '/doc?open_revs=all'),
  row('PUT', '/doc', {}),
  row('DELETE', '/doc'),
  row('GET', '/_all_docs?include_docs=true'),
  row('GET', '/%5Fall_docs'),
  row('GET', '//_all_docs'),
  row('POST', '/_all_docs', { keys: ['doc'] }),
  row('GET', '/_changes?include_docs=true'),
  row('POST', '/_changes?filter=_doc_ids', { doc_ids: ['doc'] }),
  row('POST', '/_bulk_get', { docs: [{ id: 'doc' }] }),
  row('POST', '/_bulk_docs', { docs: [{ _id: 'new' }] }),
  row('POST', '/_revs_diff', { doc: ['1-a'] }),
  row('POST', '/_find', { selector: {} }),
  row('GET', '/_design/x/_view/y'),
  row('GET', '/_local/x'),
  row('GET', '/_security'),
  row('PUT', '/_security', {}),
  row('POST', '/_compact'),
  row('POST', '/_temp_view', {}),
  row('POST', '', {}),
];

const SERVER_REQUESTS: Row[] = [
  row('GET', '/_all_dbs'),
  row('GET', '/_config'),
  row('PUT', '/_config/admins/mallory', '"pw"'),
  row('GET', '/_log'),
  row('GET', '/_active_tasks'),
  row('GET', '/_utils/'),
  row('POST', '/_replicate', {}),
  row('GET', '/_node/_local/_config'),
  row('GET', '/_engine'),
  row('GET', '/_engine/_all_docs'),
  row('PUT', '/mine'),
  row('DELETE', '/shared'),
];

describe('requests for the administrator only', () => {
  const closed = ['/closed', '/_users'].flatMap((database) =>
    DOCUMENT_REQUESTS.map(([method, path, body]) => row(method, database + path, body)),
  );
  it.each([...SERVER_REQUESTS, ...closed])(
    '%s %s is rejected for anonymous callers and accounts',
    async (method, path, body) => {
      for (const send of [testEngine.asAnonymous, stranger, member]) {
        const response = await send(method, path, body);
        expect([401, 403]).toContain(response.status);
        if (method !== 'HEAD') expect(response.body).toEqual(expectedRejection);
      }
    },
  );

  it.each(DOCUMENT_REQUESTS)(
    '%s /shared%s is rejected for anonymous callers and accounts without the role',
    async (method, path, body) => {
      expect((await testEngine.asAnonymous(method, `/shared${path}`, body)).status).toBe(401);
      expect((await stranger(method, `/shared${path}`, body)).status).toBe(403);
    },
  );

  it('rejects a missing database like an existing one', async () => {
    expect(await testEngine.asAnonymous('GET', '/nowhere')).toMatchObject({ status: 401, body: expectedRejection });
    expect(await stranger('GET', '/nowhere')).toMatchObject({ status: 403, body: expectedRejection });
  });

  it('does not let an account read its document or raise its rights', async () => {
    const own = '/_users/org.couchdb.user:alice';
    expect((await member('GET', own)).status).toBe(403);
    expect((await member('PUT', own, { name: 'alice', type: 'user', roles: ['_admin', 'other'] })).status).toBe(403);
    expect((await testEngine.asAdmin('GET', own)).body).toMatchObject({ roles: ['registry_user'] });
  });
});

describe('a member may not', () => {
  it('change the members, by _security or by any document', async () => {
    const security = { admins: { names: ['alice'], roles: [] }, members: { names: [], roles: [] } };
    expect((await member('PUT', '/shared/_security', security)).status).toBe(401);
    await member('PUT', '/shared/_local/_security', { security });
    expect((await testEngine.asAdmin('GET', '/shared/_security')).body).toEqual(REGISTRY_USERS_SECURITY);
  });

  it('write a design document, alone or in a batch', async () => {
    const design = { _id: '_design/mine', language: 'javascript', views: {} };
    expect((await member('PUT', '/shared/_design/mine', design)).status).toBe(401);
    expect((await member('PUT', '/shared/_design%2Fmine', design)).status).toBe(401);
    expect((await member('POST', '/shared/_bulk_docs', { docs: [design] })).body).toMatchObject([
      { error: 'unauthorized' },
    ]);
    const replicated = { new_edits: false, docs: [{ ...design, _rev: '1-a' }] };
    expect((await member('POST', '/shared/_bulk_docs', replicated)).body).toMatchObject([{ error: 'unauthorized' }]);
    expect((await testEngine.asAdmin('GET', '/shared/_design/mine')).status).toBe(404);
  });

  it('compact, clean up views, or send a revision tree', async () => {
    expect((await member('POST', '/shared/_compact', {})).status).toBe(401);
    expect((await member('POST', '/shared/_view_cleanup', {})).status).toBe(401);
    const forged = { _id: 'forged', _rev: '1-a', _rev_tree: [] };
    expect(await member('POST', '/shared/_bulk_docs', { new_edits: false, docs: [forged] })).toMatchObject({
      status: 400,
      body: { error: 'doc_validation' },
    });
  });
});

describe('credentials', () => {
  it('are rejected when wrong, even for a public path', async () => {
    const { username } = testEngine.engine.access;
    for (const [name, password] of [
      [username, 'no'],
      ['alice', 'no'],
      ['nobody', 'pw'],
      ['', ''],
    ] as const) {
      expect((await testEngine.as(name, password)('GET', '/')).status).toBe(401);
    }
  });

  it('of an account with the administrator’s name do not authenticate', async () => {
    const { username, password } = testEngine.engine.access;
    expect(username).not.toMatch(/^[a-z0-9]/);
    expect(password.length).toBeGreaterThanOrEqual(40);
    await testEngine.createAccount(username, ['x']);
    expect((await testEngine.as(username, 'pw')('GET', '/')).status).toBe(401);
    expect((await testEngine.asAdmin('GET', '/_all_dbs')).status).toBe(200);
  });

  it('are not created for an account with a system role, a colon or a mismatched id', async () => {
    for (const [id, roles] of [
      ['eve', ['_admin']],
      ['e:ve', []],
      ['_eve', []],
    ] as const) {
      const path = `/_users/org.couchdb.user:${encodeURIComponent(id)}`;
      const response = await testEngine.asAdmin('PUT', path, { type: 'user', name: id, roles, password: 'pw' });
      expect(response.status).toBe(403);
    }
    const mismatched = { type: 'user', name: 'eve', roles: [], password: 'pw' };
    expect((await testEngine.asAdmin('PUT', '/_users/org.couchdb.user:adam', mismatched)).status).toBe(403);
  });

  it('are stored as an expensive hash, even by a replicated write', async () => {
    const document = { type: 'user', name: 'hashed', roles: [], password: 'hunter2', _id: 'org.couchdb.user:hashed' };
    // Unlike the other tests' engine, this one has the default cost.
    const engine = closeAfterTests(await startEmbeddedEngine({ storage: { kind: 'memory', name: 'hashes' } }));
    const { asAdmin, asAnonymous } = sendersOf(engine);
    await asAdmin('POST', '/_users/_bulk_docs', { new_edits: false, docs: [{ ...document, _rev: '1-abc' }] });
    const stored = (await asAdmin('GET', '/_users/org.couchdb.user:hashed')).body;
    expect(JSON.stringify(stored)).not.toContain('hunter2');
    expect(stored).toMatchObject({ password_scheme: 'pbkdf2', pbkdf2_prf: 'sha256', iterations: 150_000 });
    expect((await asAnonymous('POST', '/_session', { name: 'hashed', password: 'hunter2' })).status).toBe(200);
    // A processor's speed does not matter: the check is compared with the same hash, computed here.
    const beforeHash = process.cpuUsage();
    pbkdf2Sync('wrong', 'salt', 150_000, 32, 'sha256');
    const hashTime = process.cpuUsage(beforeHash).user;
    const before = process.cpuUsage();
    await asAnonymous('POST', '/_session', { name: 'hashed', password: 'wrong' });
    expect(process.cpuUsage(before).user).toBeGreaterThan(hashTime / 2);
  });

  it('are not needed for the welcome and the session, which reveal nothing', async () => {
    expect((await testEngine.asAnonymous('GET', '/')).body).toMatchObject({ couchdb: 'Welcome' });
    expect((await testEngine.asAnonymous('GET', '/_session')).body).toMatchObject({
      userCtx: { name: null, roles: [] },
    });
  });

  it('of the administrator are regenerated at every start', async () => {
    const storage = { kind: 'memory', name: 'restarted' } as const;
    const first = await startTestEngine({ storage });
    await first.asAdmin('PUT', '/kept');
    await first.engine.close();
    const second = await startTestEngine({ storage });
    const { username, password } = first.engine.access;
    expect((await second.as(username, password)('GET', '/')).status).toBe(401);
    expect((await second.asAdmin('GET', '/_all_dbs')).body).toEqual(['_users', 'kept']);
    await second.engine.close();
  });
});

it('writes nothing outside its directory, and listens on loopback only', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'engine-'));
  const before = await readdir(process.cwd());
  const engine = await startEmbeddedEngine({ storage: { kind: 'disk', directory } });
  expect(new URL(engine.access.url).hostname).toBe('127.0.0.1');
  await engine.close();
  expect(await readdir(process.cwd())).toEqual(before);
  expect((await readdir(directory)).sort()).toEqual(['_engine', '_users']);
  await rm(directory, { recursive: true });
});
