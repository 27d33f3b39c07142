import { startTestGate, type TestGate } from '../../testing/test-gate.ts';

/** The gate sends leaves to CouchDB's replicator as CouchDB 3.4.3 does. */

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());

const [WINNER, LOSER, UNKNOWN] = ['2', '1', '9'].map((digit) => `2-${digit.repeat(32)}`) as [string, string, string];

/** Creates a document with two leaves; returns each with its path to the root, as parsed JSON. */
async function withTwoLeaves(username: string): Promise<Map<string, unknown>> {
  const own = (await (await gate.request(username, `/user_${username}`)).json()) as { _rev: string };
  const { _rev: root, ...document } = own;
  const docs = [WINNER, LOSER].map((rev) => ({
    ...document,
    preferences: { selectedTags: ['é', rev] },
    _rev: rev,
    _revisions: { start: 2, ids: [rev.slice(2), root.slice(2)] },
  }));
  await gate.registry().bulk({ docs, new_edits: false });
  const leaves = await gate.request(username, `/user_${username}?open_revs=all&revs=true`);
  return new Map(((await leaves.json()) as { ok: { _rev: string } }[]).map(({ ok }) => [ok._rev, ok]));
}

const query = (revs: readonly string[]): string => `revs=true&open_revs=${encodeURIComponent(JSON.stringify(revs))}`;

it.each(['multipart/mixed', 'application/json, multipart/mixed', 'Multipart/Mixed;q=0.5'])(
  'with Accept: %s each leaf is a part, and a missing one is an error part',
  async (accept) => {
    const username = 'parts';
    const leaves = await withTwoLeaves(username);
    const path = `/user_${username}?${query([LOSER, UNKNOWN])}`;
    const response = await gate.request(username, path, { headers: { accept } });
    const [, boundary = ''] = /^multipart\/mixed; boundary="([0-9a-f]{32})"$/.exec(type(response)) ?? [];
    expect(boundary).not.toBe('');
    expect((await response.text()).split(`--${boundary}`)).toEqual([
      '',
      `\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(leaves.get(LOSER))}\r\n`,
      `\r\nContent-Type: application/json; error="true"\r\n\r\n{"missing":"${UNKNOWN}"}\r\n`,
      '--',
    ]);
  },
);

const type = (response: Response): string => response.headers.get('content-type') ?? '';

it('open_revs=all is multipart as well, and a HEAD request returns only the headers', async () => {
  const leaves = await withTwoLeaves('all');
  const headers = { accept: 'multipart/mixed' };
  const text = await (await gate.request('all', '/user_all?open_revs=all&revs=true', { headers })).text();
  expect(leaves.size).toBe(2);
  for (const leaf of leaves.values()) expect(text).toContain(`\r\n\r\n${JSON.stringify(leaf)}\r\n`);
  const head = await gate.request('all', '/user_all?open_revs=all', { method: 'HEAD', headers });
  expect([head.status, type(head).startsWith('multipart/mixed;'), await head.text()]).toEqual([200, true, '']);
});

it('every other response is JSON whatever Accept is, and so are leaves without multipart in Accept', async () => {
  await withTwoLeaves('json');
  const headers = { accept: 'multipart/mixed' };
  for (const path of ['/user_json', `/user_json?rev=${LOSER}`, '/user_json?open_revs=[]', '/_changes', '/']) {
    const response = await gate.request('json', path, { headers });
    expect([path, response.status, type(response)]).toEqual([path, 200, 'application/json']);
  }
  for (const accept of ['*/*', 'multipart/*', 'multipart/related', 'application/json', 'text/html, multipart/mixedx']) {
    const response = await gate.request('json', '/user_json?open_revs=all', { headers: { accept } });
    expect([accept, type(response), ((await response.json()) as object[]).length]).toEqual([
      accept,
      'application/json',
      2,
    ]);
  }
  const other = await gate.request('json', '/user_all?open_revs=all', { headers });
  expect([other.status, type(other)]).toEqual([404, 'application/json']);
});

it('an empty open_revs list returns the document itself, as in CouchDB', async () => {
  await withTwoLeaves('none');
  expect(await (await gate.request('none', '/user_none?open_revs=[]')).json()).toMatchObject({ _rev: WINNER });
});
