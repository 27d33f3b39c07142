import { newUserDocument, parseUsername } from '../../couchdb-design/user-document/user-document.ts';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());

const json = async (response: Response | Promise<Response>): Promise<unknown> =>
  (await response).json() as Promise<unknown>;
const statusOf = async (response: Promise<Response>): Promise<number> => (await response).status;
const id = (n: number): string => n.toString(16).padStart(32, '0');

/** Reads a user's whole document through the gate, which creates it on first use. */
async function ownDocument(
  username: string,
): Promise<{ _id: string; _rev: string; preferences: object; edits: object }> {
  return (await json(gate.request(username, `/user_${username}`))) as never;
}

const replicated = (document: object, ids: readonly number[], extra: object = {}): object => ({
  ...document,
  _rev: `${ids.length}-${id(ids[0] ?? 0)}`,
  _revisions: { start: ids.length, ids: ids.map(id) },
  ...extra,
});

describe('endpoints', () => {
  it('the welcome and the database info describe the own document only', async () => {
    expect(await json(fetch(`${gate.url}/sync/`))).toEqual({
      couchdb: 'Welcome',
      uuid: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      features: [],
      vendor: { name: 'Pouchgate' },
    });
    await ownDocument('another');
    expect(await json(gate.request('alice', '/'))).toMatchObject({
      db_name: gate.upstream.names.registry,
      doc_count: 1,
      doc_del_count: 0,
    });
    expect(await json(gate.request('alice', '', { method: 'PUT' }))).toMatchObject({ error: 'file_exists' });
  });

  it('creates a user’s document on first use, whichever request comes first', async () => {
    expect(await json(gate.request('first1', '/'))).toMatchObject({ doc_count: 1 });
    expect(await json(gate.request('first2', '/_changes'))).toMatchObject({ results: [{ id: 'user_first2' }] });
    expect(await json(gate.request('first3', '/user_first3'))).toMatchObject({ username: 'first3', version: 1 });
  });

  it('_changes returns the own row regardless of the query and body, and nothing once the client knows it', async () => {
    await ownDocument('bob');
    const own = { results: [{ id: 'user_alice' }] };
    const body = { doc_ids: ['user_bob'] };
    const all = await json(
      gate.request('alice', '/_changes?filter=_view&view=registry/by_version&limit=0', { method: 'POST', body }),
    );
    expect(all).toMatchObject(own);
    const { last_seq: seq } = all as { last_seq: string };
    expect(await json(gate.request('alice', `/_changes?since=${seq}`))).toEqual({
      results: [],
      last_seq: seq,
      pending: 0,
    });
    expect(await json(gate.request('alice', '/_changes?since=garbage&include_docs=true'))).toMatchObject({
      results: [{ seq, doc: { _id: 'user_alice' } }],
    });
  });

  it("answers alike for another user's document and one that does not exist, without an upstream request", async () => {
    await ownDocument('bob');
    await ownDocument('alice');
    const before = gate.upstreamRequests.length;
    for (const name of ['user_bob', 'user_nobody']) {
      const get = await gate.request('alice', `/${name}`);
      expect([get.status, await get.json()]).toEqual([404, { error: 'not_found', reason: 'missing' }]);
      expect(
        await json(gate.request('alice', '/_bulk_get', { method: 'POST', body: { docs: [{ id: name }] } })),
      ).toEqual({
        results: [
          { id: name, docs: [{ error: { id: name, rev: 'undefined', error: 'not_found', reason: 'missing' } }] },
        ],
      });
      expect(
        await json(gate.request('alice', '/_revs_diff', { method: 'POST', body: { [name]: [`1-${id(1)}`] } })),
      ).toEqual({
        [name]: { missing: [`1-${id(1)}`] },
      });
      const docs = [{ _id: name, _rev: `1-${id(1)}`, type: 'x' }];
      expect(
        await json(gate.request('alice', '/_bulk_docs', { method: 'POST', body: { docs, new_edits: false } })),
      ).toEqual([{ id: name, rev: `1-${id(1)}`, error: 'forbidden', reason: expect.any(String) as string }]);
      expect(await statusOf(gate.request('alice', `/${name}`, { method: 'PUT', body: {} }))).toBe(403);
    }
    const sent = gate.upstreamRequests.slice(before).filter(({ url }) => !url.includes('feed=continuous'));
    expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual([]);
  });

  it('another database is 404, with the body of CouchDB by which a client recognises it, for signed-in users only', async () => {
    const url = gate.database.replace(/[^/]+$/, 'another_database');
    for (const path of ['/', '/_changes', '/user_alice']) {
      const response = await fetch(url + path, { headers: { authorization: `Bearer ${gate.token('alice')}` } });
      expect([path, response.status, await response.json()]).toEqual([
        path,
        404,
        { error: 'not_found', reason: 'Database does not exist.' },
      ]);
      expect((await fetch(url + path)).status).toBe(401);
    }
  });

  it('an unknown path is 404 and an unsupported method 405, in CouchDB’s JSON shape', async () => {
    for (const path of [
      '/_all_docs',
      '/_find',
      '/_design/registry',
      '/_security',
      '/_compact',
      '/_purge',
      '/user_alice/file',
      '/_temp_view',
    ]) {
      const response = await gate.request('alice', path);
      expect([path, response.status, await response.json()]).toEqual([
        path,
        404,
        { error: 'not_found', reason: 'missing' },
      ]);
    }
    for (const [method, path] of [
      ['DELETE', ''],
      ['POST', ''],
      ['DELETE', '/user_alice'],
      ['GET', '/_bulk_docs'],
      ['PUT', '/_changes'],
    ] as const) {
      const response = await gate.request('alice', path, { method });
      expect([path, response.status, response.headers.get('allow') !== null, await response.json()]).toEqual([
        path,
        405,
        true,
        { error: 'method_not_allowed', reason: expect.any(String) as string },
      ]);
    }
  });

  it('a missing, invalid or expired token is 401, and the welcome needs none', async () => {
    expect(await statusOf(fetch(gate.database))).toBe(401);
    expect(await statusOf(gate.request('alice', '', { headers: { authorization: 'Bearer x.y.z' } }))).toBe(401);
    const expired = gate.token('alice', { exp: Math.floor(Date.now() / 1000) - 1 });
    const response = await gate.request('alice', '/_changes', { headers: { authorization: `Bearer ${expired}` } });
    expect([response.status, await response.json()]).toMatchObject([401, { error: 'unauthorized' }]);
  });

  it('stores a checkpoint that only its user can read', async () => {
    const path = '/_local/Qx.y_z==';
    expect(await statusOf(gate.request('alice', path))).toBe(404);
    expect(
      await json(gate.request('alice', path, { method: 'PUT', body: { _id: '_local/Qx.y_z==', last_seq: '3-x' } })),
    ).toEqual({
      ok: true,
      id: '_local/Qx.y_z==',
      rev: '0-1',
    });
    expect(await json(gate.request('alice', path))).toEqual({ _id: '_local/Qx.y_z==', _rev: '0-1', last_seq: '3-x' });
    expect(await statusOf(gate.request('bob', path))).toBe(404);
    expect(await statusOf(gate.request('alice', path, { method: 'PUT', body: { last_seq: 'lost' } }))).toBe(409);
    expect(
      await json(gate.request('alice', path, { method: 'PUT', body: { _rev: '0-1', last_seq: '4-x' } })),
    ).toMatchObject({ rev: '0-2' });
    expect(await statusOf(gate.request('alice', `${path}?rev=0-2`, { method: 'DELETE' }))).toBe(200);
    expect(await statusOf(gate.request('alice', path))).toBe(404);
  });
});

describe('writes', () => {
  it('stores the valid rows of a batch and refuses the others as rows', async () => {
    const document = await ownDocument('w1');
    const body = {
      new_edits: false,
      docs: [
        { _id: 'user_bob', _rev: `2-${id(9)}` },
        replicated({ ...document, preferences: { theme: 'dark' } }, [2, 1], {
          _revisions: { start: 2, ids: [id(2), document._rev.slice(2)] },
        }),
        replicated({ ...document, role: 'admin' }, [3, 1], {
          _revisions: { start: 2, ids: [id(3), document._rev.slice(2)] },
        }),
      ],
    };
    const rows = await json(gate.request('w1', '/_bulk_docs', { method: 'POST', body }));
    expect(rows).toEqual([
      { id: 'user_bob', rev: `2-${id(9)}`, error: 'forbidden', reason: expect.any(String) as string },
      { id: 'user_w1', rev: `2-${id(3)}`, error: 'forbidden', reason: expect.stringContaining('role') as string },
    ]);
    expect(await ownDocument('w1')).toMatchObject({ _rev: `2-${id(2)}`, preferences: { theme: 'dark' } });
  });

  it('a PUT must name the current revision', async () => {
    const { _rev: rev, ...document } = await ownDocument('w2');
    const edited = { ...document, preferences: { theme: 'light' } };
    expect(await statusOf(gate.request('w2', '/user_w2', { method: 'PUT', body: edited }))).toBe(409);
    const stored = await json(gate.request('w2', `/user_w2?rev=${rev}`, { method: 'PUT', body: edited }));
    expect(stored).toEqual({ ok: true, id: 'user_w2', rev: (await ownDocument('w2'))._rev });
    expect(await statusOf(gate.request('w2', '/user_w2', { method: 'PUT', body: { ...edited, _rev: rev } }))).toBe(409);
    expect(await statusOf(gate.request('w2', '/user_w2', { method: 'PUT', body: { ...edited, nonsense: 1 } }))).toBe(
      403,
    );
  });

  it('a PUT accepts the ETag of a GET in If-Match, also one that a compressing proxy has changed', async () => {
    const put = async (value: string, ifMatch: string): Promise<number> => {
      const body = { ...(await ownDocument('etag')), _rev: undefined, preferences: { theme: value } };
      return statusOf(gate.request('etag', '/user_etag', { method: 'PUT', body, headers: { 'if-match': ifMatch } }));
    };
    const etag = async (): Promise<string> => (await gate.request('etag', '/user_etag')).headers.get('etag') ?? '';
    const first = await etag();
    expect(await put('dark', first)).toBe(201);
    expect(await put('light', `W/${first}`)).toBe(409);
    expect(await put('light', `W/${await etag()}`)).toBe(201);
    expect(await put('dark', (await etag()).replace(/"$/, '-gzip"'))).toBe(201);
    expect(await put('light', (await etag()).replaceAll('"', ''))).toBe(201);
  });

  it('a conflict of the past can be resolved by deleting leaves, but the document cannot be deleted', async () => {
    const { _rev: root, ...document } = await ownDocument('w3');
    const push = (...docs: object[]): Promise<unknown> =>
      json(gate.request('w3', '/_bulk_docs', { method: 'POST', body: { new_edits: false, docs } }));
    const rootId = root.slice(2);
    const child = (n: number, extra: object = {}): object => ({
      ...document,
      _rev: `2-${id(n)}`,
      _revisions: { start: 2, ids: [id(n), rootId] },
      ...extra,
    });
    // The gate would merge them.
    await gate.registry().bulk({ docs: [child(1), child(2)], new_edits: false });
    const tombstone = (n: number, parent: number): object => ({
      _id: document._id,
      _rev: `3-${id(n)}`,
      _revisions: { start: 3, ids: [id(n), id(parent), rootId] },
      _deleted: true,
    });
    expect(await push(tombstone(3, 1))).toEqual([]);
    expect(await push(tombstone(4, 2))).toMatchObject([{ rev: `3-${id(4)}`, error: 'forbidden' }]);
    expect(await ownDocument('w3')).toMatchObject({ _rev: `2-${id(2)}` });
  });

  it('a forged root that wins grants no rights, and can be edited like any other revision', async () => {
    const document = await ownDocument('w4');
    const forged = { ...document, _rev: `99-${id(15)}`, _revisions: { start: 99, ids: [id(15)] } };
    expect(
      await json(gate.request('w4', '/_bulk_docs', { method: 'POST', body: { new_edits: false, docs: [forged] } })),
    ).toEqual([]);
    const { _rev: rev, ...current } = await ownDocument('w4');
    expect(rev).toBe(`99-${id(15)}`);
    expect(
      await statusOf(
        gate.request('w4', `/user_w4?rev=${rev}`, {
          method: 'PUT',
          body: { ...current, preferences: { theme: 'dark' } },
        }),
      ),
    ).toBe(201);
  });
});

describe('a document that an operator has deleted', () => {
  it('is created again on the next use', async () => {
    const { _rev: rev } = await ownDocument('gone');
    await gate.registry().destroy('user_gone', rev);
    expect(await json(gate.request('gone', '/'))).toMatchObject({ doc_count: 1 });
    expect(await ownDocument('gone')).toMatchObject({ username: 'gone', preferences: {} });
  });
});

it('a created document has the content that couchdb-design defines', async () => {
  const username = parseUsername('shape');
  if (username === undefined) throw new Error('shape is a username');
  const created = await ownDocument('shape');
  const times = { created_at: expect.any(String) as string, updated_at: expect.any(String) as string };
  expect(created).toEqual({ ...newUserDocument(username, new Date()), ...times, _rev: created._rev });
});
