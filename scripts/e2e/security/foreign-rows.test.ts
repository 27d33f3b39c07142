import { foreignIds } from '../../../server/cli/attack/generate/attack-cases.ts';
import { setUpAttackFixture } from './testing/attack-fixture.ts';
import { TITLE_NAMES } from './testing/attack-names.ts';

/** Bulk requests of alice with rows of other users among her own, and with forged revisions. */
const fixture = setUpAttackFixture();
const { attack } = fixture;
const FOREIGN_IDS = foreignIds(TITLE_NAMES);

const id = (n: number): string => n.toString(16).padStart(32, '0');
const parse = (text: string): unknown => JSON.parse(text);

describe('in bulk requests foreign ids are missing, whether they exist or not, and own rows are answered', () => {
  const rev = `1-${id(7)}`;

  it('_bulk_get', async () => {
    const rows = FOREIGN_IDS.flatMap((name) => [{ id: name, rev }, { id: name }]);
    const { status, body } = await attack('/_bulk_get?latest=true&revs=true', {
      method: 'POST',
      body: { docs: [...rows, { id: 'user_alice' }, ...rows] },
      namesBob: true,
    });
    const { results } = parse(body) as { results: { id: string; docs: [{ ok?: unknown; error?: unknown }] }[] };
    expect([status, results.length]).toEqual([200, 2 * rows.length + 1]);
    expect(results.filter(({ docs }) => 'ok' in docs[0]).map((result) => result.id)).toEqual(['user_alice']);
    for (const [index, row] of rows.entries()) {
      const error = { id: row.id, rev: row.rev ?? 'undefined', error: 'not_found', reason: 'missing' };
      expect(results[index]).toEqual({ id: row.id, docs: [{ error }] });
    }
    expect(fixture.upstreamCalls().filter((call) => call.includes('_bulk_get'))).toHaveLength(1);
  });

  it('_revs_diff', async () => {
    const foreign = Object.fromEntries(
      FOREIGN_IDS.map((name) => [name, [rev, ...fixture.server.bob.revisions.slice(9)]]),
    );
    const { status, body } = await attack('/_revs_diff', {
      method: 'POST',
      body: { ...foreign, user_alice: [rev] },
      namesBob: true,
    });
    const diff = parse(body) as Record<string, unknown>;
    expect([status, Object.keys(diff).sort()]).toEqual([200, [...FOREIGN_IDS, 'user_alice'].sort()]);
    for (const name of FOREIGN_IDS) expect(diff[name]).toEqual({ missing: [rev] });
  });

  it('_revs_diff does not confirm a guessed revision of another user', async () => {
    const [bobs = ''] = fixture.server.bob.revisions;
    const { body } = await fixture.server
      .request('alice', '/_revs_diff', { method: 'POST', body: { user_bob: [bobs], user_nobody: [bobs] } })
      .then(async (response) => ({ body: await response.text() }));
    expect(parse(body)).toEqual({ user_bob: { missing: [bobs] }, user_nobody: { missing: [bobs] } });
  });

  it.each([true, false])('_bulk_docs, new_edits %s', async (newEdits) => {
    const own = parse((await attack('/user_alice')).body) as { _rev: string };
    const next = newEdits
      ? own
      : { ...own, _rev: `2-${id(77)}`, _revisions: { start: 2, ids: [id(77), own._rev.slice(2)] } };
    const foreign = FOREIGN_IDS.map((name) => ({ ...own, _id: name, _rev: rev }));
    const { status, body } = await attack('/_bulk_docs', {
      method: 'POST',
      body: { docs: [...foreign, next, ...foreign], new_edits: newEdits },
      namesBob: true,
    });
    const rows = parse(body) as { id: string; error?: string; ok?: true }[];
    expect([status, rows.filter(({ error }) => error === 'forbidden').length]).toEqual([201, 2 * foreign.length]);
    expect(new Set(rows.filter(({ error }) => error !== undefined).map((row) => row.id))).toEqual(new Set(FOREIGN_IDS));
    expect(rows.filter(({ ok }) => ok === true).map((row) => row.id)).toEqual(newEdits ? ['user_alice'] : []);
  });

  it.each<[string, unknown]>([
    ['an array', ['user_alice']],
    ['an object', { toString: 'user_alice', 0: 'user_bob' }],
    ['a number', 1],
    ['null', null],
    ['true', true],
  ])('an id that is %s is rejected', async (_, invalidId) => {
    const get = await attack('/_bulk_get', { method: 'POST', body: { docs: [{ id: invalidId }] }, namesBob: true });
    expect(get.status).toBe(400);
    const put = await attack('/_bulk_docs', { method: 'POST', body: { docs: [{ _id: invalidId }] }, namesBob: true });
    expect(parse(put.body)).toMatchObject([{ error: 'forbidden' }]);
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it.each(FOREIGN_IDS.filter((name) => !name.startsWith('_') && name !== '' && !/\ud800/.test(name)))(
    'GET and PUT of %j',
    async (name) => {
      const path = `/${encodeURIComponent(name)}`;
      expect((await attack(path)).status).toBe(404);
      const put = await attack(path, { method: 'PUT', body: { _id: 'user_alice', type: 'user_preferences' } });
      expect([400, 403, 404]).toContain(put.status);
      expect(fixture.upstreamCalls()).toEqual([]);
    },
  );

  it('the own document cannot be written with another user’s name in it', async () => {
    const { body } = await attack('/user_alice');
    const own = parse(body) as Record<string, unknown>;
    for (const change of [
      { username: 'bob' },
      { _id: 'user_bob' },
      { owner: 'bob' },
      { roles: ['_admin'] },
      { _local_seq: 1 },
    ]) {
      const response = await attack('/user_alice', { method: 'PUT', body: { ...own, ...change }, namesBob: true });
      expect([400, 403]).toContain(response.status);
    }
  });
});

it('the second of two edits of one revision in a batch is a conflict, and the document stays writable', async () => {
  const own = parse((await attack('/user_alice')).body) as Record<string, unknown>;
  const docs = ['dark', 'light'].map((theme) => ({ ...own, preferences: { theme } }));
  const { body } = await attack('/_bulk_docs', { method: 'POST', body: { docs } });
  expect(parse(body)).toMatchObject([{ ok: true }, { id: 'user_alice', error: 'conflict' }]);
  const next = parse((await attack('/user_alice')).body) as Record<string, unknown>;
  expect(next).toMatchObject({ preferences: { theme: 'dark' } });
  expect((await attack('/user_alice', { method: 'PUT', body: next })).status).toBe(201);
});

describe('forged revision trees', () => {
  const tree = (_revisions: unknown, _rev: unknown, extra: object = {}): object => ({
    _id: 'user_alice',
    _rev,
    _revisions,
    ...extra,
  });

  it.each<[string, object]>([
    ['a start that is a string', tree({ start: '1', ids: [id(1)] }, `1-${id(1)}`)],
    ['ids that are arrays', tree({ start: 1, ids: [[id(1)]] }, `1-${id(1)}`)],
    ['ids with a generation', tree({ start: 1, ids: [`1-${id(1)}`] }, `1-${id(1)}`)],
    ['more ids than generations', tree({ start: 1, ids: [id(1), id(2)] }, `1-${id(1)}`)],
    ['another _rev', tree({ start: 1, ids: [id(2)] }, `1-${id(1)}`)],
    ['generation 0', tree({ start: 0, ids: [id(1)] }, `0-${id(1)}`)],
    ['a negative generation', tree({ start: -1, ids: [id(1)] }, `-1-${id(1)}`)],
    ['a generation that is too high', tree({ start: 1e21, ids: [id(1)] }, `1e21-${id(1)}`)],
    ['a fractional generation', tree({ start: 1.5, ids: [id(1)] }, `1.5-${id(1)}`)],
    [
      'a path of 10,001',
      tree({ start: 10_001, ids: Array.from({ length: 10_001 }, (_, n) => id(n)) }, `10001-${id(0)}`),
    ],
    ['a _rev that is an array', tree({ start: 1, ids: [id(1)] }, [`1-${id(1)}`])],
    ['no _rev', tree({ start: 1, ids: [id(1)] }, undefined)],
    ['capitals', tree({ start: 1, ids: ['A'.repeat(32)] }, `1-${'A'.repeat(32)}`)],
    ['a _rev_tree of PouchDB', tree(undefined, `1-${id(1)}`, { _rev_tree: [{ pos: 1, ids: [id(1), {}, []] }] })],
    ['an attachment', tree(undefined, `1-${id(1)}`, { _attachments: { x: { data: '', content_type: 'text/html' } } })],
    ['a tombstone with a body', tree(undefined, `2-${id(1)}`, { _deleted: true, kept: 'x' })],
    ['a _deleted that is a string', tree(undefined, `2-${id(1)}`, { _deleted: 'true' })],
  ])('%s is refused as a row', async (_, row) => {
    const { status, body } = await attack('/_bulk_docs', { method: 'POST', body: { docs: [row], new_edits: false } });
    expect([status, parse(body)]).toMatchObject([201, [{ error: 'forbidden' }]]);
    expect(fixture.upstreamCalls().filter((call) => call.startsWith('POST') && call.includes('_bulk_docs'))).toEqual(
      [],
    );
  });
});
