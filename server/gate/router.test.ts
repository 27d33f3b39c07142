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

/** The whole document of a user, as the gate serves it; made at first use. */
async function ownDocument(
  username: string,
): Promise<{ _id: string; _rev: string; preferences: object; edits: object }> {
  return (await json(gate.request(username, `/user_${username}`))) as never;
}

const replicated = (document: object, ids: readonly number[], more: object = {}): object => ({
  ...document,
  _rev: `${ids.length}-${id(ids[0] ?? 0)}`,
  _revisions: { start: ids.length, ids: ids.map(id) },
  ...more,
});

describe('the table of what is answered', () => {
  it('the root and the database speak of nothing but the own document', async () => {
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

  it('a user without a document is given one at first use, whatever the first use is', async () => {
    expect(await json(gate.request('first1', '/'))).toMatchObject({ doc_count: 1 });
    expect(await json(gate.request('first2', '/_changes'))).toMatchObject({ results: [{ id: 'user_first2' }] });
    expect(await json(gate.request('first3', '/user_first3'))).toMatchObject({ username: 'first3', version: 1 });
  });

  it('_changes is the own row whatever query and body ask for, and nothing once it is known', async () => {
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

  it("another's document and one that nobody has are the same missing, and the upstream is not asked", async () => {
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
    const asked = gate.upstreamRequests.slice(before).filter(({ url }) => !url.includes('feed=continuous'));
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([]);
  });

  it('what is not in the table is 404, and a method that is not is 405, in the shape of CouchDB', async () => {
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

  it('the own token alone is answered 401: missing, wrong or over, and the welcome needs none', async () => {
    expect(await statusOf(fetch(gate.database))).toBe(401);
    expect(await statusOf(gate.request('alice', '', { headers: { authorization: 'Bearer x.y.z' } }))).toBe(401);
    const over = gate.token('alice', { exp: Math.floor(Date.now() / 1000) - 1 });
    const response = await gate.request('alice', '/_changes', { headers: { authorization: `Bearer ${over}` } });
    expect([response.status, await response.json()]).toMatchObject([401, { error: 'unauthorized' }]);
  });

  it("a checkpoint is kept, and is its user's own", async () => {
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
  it('a refused row stands beside a stored one, and the stored one is stored', async () => {
    const document = await ownDocument('w1');
    const body = {
      new_edits: false,
      docs: [
        { _id: 'user_bob', _rev: `2-${id(9)}` },
        replicated({ ...document, preferences: { theme: 'dark' } }, [2, 1]),
        replicated({ ...document, role: 'admin' }, [3, 1]),
      ],
    };
    const rows = await json(gate.request('w1', '/_bulk_docs', { method: 'POST', body }));
    expect(rows).toEqual([
      { id: 'user_bob', rev: `2-${id(9)}`, error: 'forbidden', reason: expect.any(String) as string },
      { id: 'user_w1', rev: `2-${id(3)}`, error: 'forbidden', reason: expect.stringContaining('role') as string },
    ]);
    expect(await ownDocument('w1')).toMatchObject({ _rev: `2-${id(2)}`, preferences: { theme: 'dark' } });
  });

  it('an edit by PUT needs the revision that it changes', async () => {
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

  it('a conflict can be resolved, and the document cannot be deleted', async () => {
    const { _rev: root, ...document } = await ownDocument('w3');
    const push = (...docs: object[]): Promise<unknown> =>
      json(gate.request('w3', '/_bulk_docs', { method: 'POST', body: { new_edits: false, docs } }));
    const rootId = root.slice(2);
    const child = (n: number, more: object = {}): object => ({
      ...document,
      _rev: `2-${id(n)}`,
      _revisions: { start: 2, ids: [id(n), rootId] },
      ...more,
    });
    expect(await push(child(1), child(2))).toEqual([]);
    const tomb = (n: number, above: number): object => ({
      _id: document._id,
      _rev: `3-${id(n)}`,
      _revisions: { start: 3, ids: [id(n), id(above), rootId] },
      _deleted: true,
    });
    expect(await push(tomb(3, 1), tomb(4, 2))).toMatchObject([{ error: 'forbidden' }, { error: 'forbidden' }]);
    expect(await push(tomb(3, 1))).toEqual([]);
    expect(await push(tomb(4, 2))).toMatchObject([{ rev: `3-${id(4)}`, error: 'forbidden' }]);
    expect(await ownDocument('w3')).toMatchObject({ _rev: `2-${id(2)}` });
  });

  it('a forged root that wins raises nobody above the rules, and is edited like any other', async () => {
    const document = await ownDocument('w4');
    const forged = { ...document, _rev: `99-${id(15)}`, _revisions: { start: 99, ids: [id(15)] } };
    expect(
      await json(gate.request('w4', '/_bulk_docs', { method: 'POST', body: { new_edits: false, docs: [forged] } })),
    ).toEqual([]);
    const { _rev: rev, ...now } = await ownDocument('w4');
    expect(rev).toBe(`99-${id(15)}`);
    expect(
      await statusOf(
        gate.request('w4', `/user_w4?rev=${rev}`, { method: 'PUT', body: { ...now, preferences: { theme: 'dark' } } }),
      ),
    ).toBe(201);
  });
});

describe('a document that an operator has deleted', () => {
  it('is made anew at the next use', async () => {
    const { _rev: rev } = await ownDocument('gone');
    await gate.registry().destroy('user_gone', rev);
    expect(await json(gate.request('gone', '/'))).toMatchObject({ doc_count: 1 });
    expect(await ownDocument('gone')).toMatchObject({ username: 'gone', preferences: {} });
  });
});

it('the document that is made for a user is the one of the design', async () => {
  const username = parseUsername('shape');
  if (username === undefined) throw new Error('shape is a username');
  const made = await ownDocument('shape');
  const times = { created_at: expect.any(String) as string, updated_at: expect.any(String) as string };
  expect(made).toEqual({ ...newUserDocument(username, new Date()), ...times, _rev: made._rev });
});
