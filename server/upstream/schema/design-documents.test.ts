import fc from 'fast-check';
import httpAdapter from 'pouchdb-adapter-http';
import PouchDB from 'pouchdb-core';
import replication from 'pouchdb-replication';
import {
  documentIdFactory,
  isIdPrefix,
  newUserDocument,
  parseUsername,
  type UserDocument,
} from '../../../couchdb-design/user-document/user-document.ts';
import { connect } from '../client.ts';
import { getIdPrefix, readDatabaseDesign } from './design-documents.ts';
import { startTestEngine, type SendRequest, type TestEngine } from '../../testing/embedded-engine.ts';
import { applySchema } from './apply-schema.ts';

PouchDB.plugin(httpAdapter).plugin(replication);

let testEngine: TestEngine;
let alice: SendRequest;

function documentOf(name: string, idPrefix = 'user_'): UserDocument {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username.`);
  return newUserDocument(username, new Date('2026-11-22T09:30:00.000Z'), documentIdFactory(idPrefix)(username));
}

beforeAll(async () => {
  testEngine = await startTestEngine();
  await applySchema({
    couch: connect(testEngine.engine.access),
    registry: 'user_registry',
    sessions: 'pouchgate_sessions',
  });
  alice = await testEngine.createAccount('alice', ['registry_user']);
  await testEngine.asAdmin('PUT', '/user_registry/user_bob', documentOf('bob'));
});

afterAll(() => testEngine.engine.close());

const replicate = (send: SendRequest, ...docs: object[]) =>
  send('POST', '/user_registry/_bulk_docs', { new_edits: false, docs });

it('reads the files as one document, with functions as strings', async () => {
  const { designs, security } = await readDatabaseDesign();
  expect(designs.map(({ _id }) => _id)).toEqual(['_design/registry']);
  expect(designs[0]).toMatchObject({
    language: 'javascript',
    validate_doc_update: expect.stringContaining('function') as unknown,
    views: { by_version: { map: expect.stringContaining('emit') as unknown, reduce: '_count' } },
    filters: { by_username: expect.stringContaining('req.query') as unknown },
  });
  expect(security.members.roles).toContain('registry_user');
});

it('lets a user write their own document, by PUT and by replication', async () => {
  const own = documentOf('alice');
  const { status, body } = await alice('PUT', '/user_registry/user_alice', own);
  expect(status).toBe(201);
  const id = (body as { rev: string }).rev.slice(2);
  const child = { ...own, _rev: '2-bbbb', _revisions: { start: 2, ids: ['bbbb', id] } };
  expect(await replicate(alice, child)).toMatchObject({ status: 201, body: [] });
  // CouchDB keeps the revision tree of the request.
  expect((await alice('GET', '/user_registry/user_alice?revs=true')).body).toMatchObject({
    _rev: '2-bbbb',
    _revisions: { start: 2, ids: ['bbbb', id] },
  });
});

it('rejects writes to another user’s document by PUT, DELETE, edit and replication, and leaves it unchanged', async () => {
  const before = (await testEngine.asAdmin('GET', '/user_registry/user_bob')).body as { _rev: string };
  const { _rev } = before;
  const foreign = { ...documentOf('bob'), preferences: { theme: 'dark' } };
  expect(await alice('PUT', `/user_registry/user_bob?rev=${_rev}`, foreign)).toMatchObject({
    status: 403,
    body: { error: 'forbidden' },
  });
  expect((await alice('DELETE', `/user_registry/user_bob?rev=${_rev}`)).status).toBe(403);
  expect((await alice('POST', '/user_registry/_bulk_docs', { docs: [{ ...foreign, _rev }] })).body).toMatchObject([
    { id: 'user_bob', error: 'forbidden' },
  ]);
  expect(
    (await replicate(alice, { ...foreign, _rev: '99-ffff' }, { ...foreign, _rev: '100-eeee', _deleted: true })).body,
  ).toMatchObject([
    { id: 'user_bob', rev: '99-ffff', error: 'forbidden' },
    { id: 'user_bob', rev: '100-eeee', error: 'forbidden' },
  ]);
  expect((await testEngine.asAdmin('GET', '/user_registry/user_bob')).body).toEqual(before);
});

it('rejects rows that are not user documents, each on its own', async () => {
  const own = documentOf('alice');
  const response = await replicate(
    alice,
    { ...own, _rev: '1-dddd', admin: true },
    { ...own, _rev: '1-eeee', username: 'bob' },
    { ...own, _rev: '1-ffff' },
  );
  expect(response.body).toMatchObject([
    { id: 'user_alice', rev: '1-dddd', error: 'forbidden' },
    { id: 'user_alice', rev: '1-eeee', error: 'forbidden' },
  ]);
  expect((await testEngine.asAdmin('GET', '/user_registry/user_alice?rev=1-ffff')).status).toBe(200);
  expect((await testEngine.asAdmin('GET', '/user_registry/user_alice?rev=1-dddd')).status).toBe(404);
});

it('has views that can be queried', async () => {
  const couch = connect(testEngine.engine.access);
  const { designs } = await readDatabaseDesign();
  const names = Object.keys(designs[0]?.['views'] as object);
  for (const name of names) {
    const { rows } = await couch.use('user_registry').view('registry', name, { reduce: false });
    expect(Array.isArray(rows)).toBe(true);
  }
  const { rows } = await couch.use('user_registry').view('registry', 'by_updated_at');
  expect(rows.map(({ id }) => id)).toEqual(expect.arrayContaining(['user_alice', 'user_bob']));
});

it('has a filter with which an operator replicates one user', async () => {
  const { url, username, password } = testEngine.engine.access;
  const remote = new PouchDB(`${url}/user_registry`, { auth: { username, password } });
  const copy = new PouchDB('copy-of-bob', { adapter: 'memory' });
  await copy.replicate.from(remote, { filter: 'registry/by_username', query_params: { username: 'bob' } });
  const { rows } = await copy.allDocs();
  expect(rows.map(({ id }) => id)).toEqual(['user_bob']);
});

it('rejects an unknown filter instead of returning everything', async () => {
  const response = await alice('GET', '/user_registry/_changes?filter=registry/none');
  expect(response.status).toBe(404);
  expect((await alice('GET', '/user_registry/_changes?filter=_selector')).status).toBe(400);
});

it('accepts only documents with the configured prefix, compared character by character', async () => {
  const registry = 'other_prefix';
  const names = { registry, sessions: 'pouchgate_sessions' };
  await applySchema({ couch: connect(testEngine.engine.access), ...names, idPrefix: 'a.b_' });
  const put = (id: string, body: object) =>
    alice('PUT', `/${registry}/${encodeURIComponent(id)}`, { ...body, _id: id });
  const own = documentOf('alice', 'a.b_');
  expect(await put('a.b_alice', own)).toMatchObject({ status: 201 });
  for (const id of ['user_alice', 'axb_alice', 'a.b_bob', 'a.b_', 'a.b_alice/x', 'A.B_alice', 'xa.b_alice', 'alice']) {
    expect([id, await put(id, own)]).toMatchObject([id, { status: 403 }]);
  }
  const { url, username, password } = testEngine.engine.access;
  const remote = new PouchDB(`${url}/${registry}`, { auth: { username, password } });
  const copy = new PouchDB('copy-of-alice', { adapter: 'memory' });
  await copy.replicate.from(remote, { filter: 'registry/by_username', query_params: { username: 'alice' } });
  expect((await copy.allDocs()).rows.map(({ id }) => id)).toEqual(['a.b_alice']);
});

it('differs between prefixes only in the prefix, which can be read from the design document', async () => {
  const usual = await readDatabaseDesign();
  const prefix = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,31}$/);
  await fc.assert(
    fc.asyncProperty(prefix, async (idPrefix) => {
      expect(isIdPrefix(idPrefix)).toBe(true);
      const { designs, security } = await readDatabaseDesign(idPrefix);
      expect(designs.map(getIdPrefix)).toEqual([idPrefix]);
      const back = JSON.stringify(designs).replaceAll(`ID_PREFIX = '${idPrefix}'`, "ID_PREFIX = 'user_'");
      expect({ designs: JSON.parse(back) as unknown, security }).toEqual(usual);
    }),
    { numRuns: 30 },
  );
});

it.each(['', '_a', 'A', '1', "a'b", 'a/b', 'a\n', 'a b', 'ä', 'a'.repeat(33), 'a:b', '__proto__'])(
  'rejects %j as a prefix',
  (text) => {
    expect(isIdPrefix(text)).toBe(false);
  },
);

it('reports a registry with another prefix, and writes nothing', async () => {
  const couch = connect(testEngine.engine.access);
  const names = { registry: 'one_prefix', sessions: 'pouchgate_sessions' };
  await applySchema({ couch, ...names });
  const security = { admins: {}, members: { roles: ['others'] } };
  await couch.request({ db: names.registry, path: '_security', method: 'PUT', body: security });
  const before = (await couch.db.get(names.registry)).update_seq;
  await expect(applySchema({ couch, ...names, idPrefix: 'prefs_' })).rejects.toThrow(
    'The documents of one_prefix have ids that begin with user_, and ID_PREFIX is prefs_: set ID_PREFIX to the existing prefix, or choose another name in REGISTRY_DB.',
  );
  expect((await couch.db.get(names.registry)).update_seq).toBe(before);
  expect(await couch.request({ db: names.registry, path: '_security' })).toEqual(security);
});
