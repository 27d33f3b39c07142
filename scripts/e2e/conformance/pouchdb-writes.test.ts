import http from 'node:http';
import { once } from 'node:events';
import { respondWith } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { editPreferences, readPreference, waitForIdle, type Peer } from '../../../server/testing/pouchdb-peer.ts';
import { setUpPouchdbFixture, eventsNamed, countRequests, urlIncludes } from './testing/pouchdb-fixture.ts';

/** How PouchDB handles responses to a push: a refused write is refused once, and a valid one is never lost. */

const fixture = setUpPouchdbFixture();
const { openLivePeer, readStoredPreference } = fixture;

/** Expects that the refused edit is denied once, and that the edit after it is stored. */
async function expectDeniedOnce(username: string, peer: Peer, fixDocument: () => Promise<unknown>): Promise<void> {
  await eventually(() => eventsNamed(peer, 'denied').length > 0);
  await waitForIdle(peer);
  const pushes = countRequests(peer, '_bulk_docs');
  await fixDocument();
  await eventually(async () => (await readStoredPreference(username, 'theme')) === 'dark');
  await waitForIdle(peer);
  expect(eventsNamed(peer, 'denied')).toMatchObject([{ doc: { id: `user_${username}`, name: 'forbidden' } }]);
  expect(countRequests(peer, '_bulk_docs')).toBe(pushes + 1);
  expect(eventsNamed(peer, 'error')).toEqual([]);
}

describe('_bulk_docs row {id, rev, error: "forbidden"}: PouchDB emits denied and never sends it again', () => {
  it('is the response to an invalid document, and the next valid edit is stored', async () => {
    const peer = await openLivePeer('rules');
    await editPreferences(peer.local, 'user_rules', { theme: 'light' }, { admin: true });
    await expectDeniedOnce('rules', peer, async () => {
      const document = await peer.local.get('user_rules');
      const valid = Object.fromEntries(Object.entries(document).filter(([key]) => key !== 'admin'));
      await peer.local.put({ ...document, ...valid, admin: undefined, preferences: { theme: 'dark' } });
    });
  });

  it('denies a foreign document, and stores the own edit in the same batch', async () => {
    const peer = await openLivePeer('beside');
    await peer.local.bulkDocs([
      { _id: 'user_somebody', preferences: {} },
      { ...(await peer.local.get('user_beside')), preferences: { theme: 'dark' } },
      { _id: 'zzz', preferences: {} },
    ]);
    await eventually(async () => (await readStoredPreference('beside', 'theme')) === 'dark');
    await eventually(() => eventsNamed(peer, 'denied').length === 2);
    await waitForIdle(peer);
    expect(eventsNamed(peer, 'denied')).toMatchObject([{ doc: { id: 'user_somebody' } }, { doc: { id: 'zzz' } }]);
    expect(countRequests(peer, '_bulk_docs')).toBeLessThanOrEqual(3);
    await expect(fixture.proxied.registry().get('user_somebody')).rejects.toMatchObject({ statusCode: 404 });
  });

  it.each([
    ['above 64 KiB', 70 * 1024],
    ['above the limit of a request', 9 * 1024 * 1024],
  ])('denies a document %s, and stores the next valid edit', async (_name, size) => {
    const username = `large${size}`;
    const peer = await openLivePeer(username);
    await editPreferences(peer.local, `user_${username}`, { selectedTags: ['x'.repeat(size)] });
    await expectDeniedOnce(username, peer, () =>
      editPreferences(peer.local, `user_${username}`, { selectedTags: [], theme: 'dark' }),
    );
    expect(peer.responses.every(({ status }) => status < 400 || status === 404)).toBe(true);
  });
});

describe('_bulk_docs row with any other error name: PouchDB loops forever', () => {
  it('an upstream row error unauthorized becomes forbidden', async () => {
    const peer = await openLivePeer('other1');
    const row = '[{"id":"user_other1","error":"unauthorized","reason":"not yours"}]';
    fixture.proxied.proxy.fault = respondWith(201, row)(urlIncludes('_bulk_docs'));
    await editPreferences(peer.local, 'user_other1', { theme: 'light' });
    await eventually(() => eventsNamed(peer, 'denied').length > 0);
    fixture.proxied.proxy.fault = undefined;
    await expectDeniedOnce('other1', peer, () => editPreferences(peer.local, 'user_other1', { theme: 'dark' }));
  });

  it.each(['internal_server_error', 'timeout', 'unknown_error'])(
    'an upstream row error %s becomes a 502 of the whole batch, and the edit is stored later',
    async (error) => {
      const username = error.slice(0, 4);
      const peer = await openLivePeer(username);
      const rows = JSON.stringify([{ id: `user_${username}`, error, reason: 'x' }]);
      fixture.proxied.proxy.fault = respondWith(201, rows)(urlIncludes('_bulk_docs'));
      await editPreferences(peer.local, `user_${username}`, { theme: 'dark' });
      const failures = (): number =>
        peer.responses.filter(({ request, status }) => request.includes('_bulk_docs') && status === 502).length;
      await eventually(() => failures() > 1);
      fixture.proxied.proxy.fault = undefined;
      await eventually(async () => (await readStoredPreference(username, 'theme')) === 'dark');
      expect([...eventsNamed(peer, 'denied'), ...eventsNamed(peer, 'error')]).toEqual([]);
    },
  );
});

describe('_bulk_docs 403 of the whole batch: PouchDB stops the sync; 413: it loops forever', () => {
  it.each([400, 403, 413])('an upstream %i becomes 502, and the edit is stored later', async (status) => {
    const username = `whole${status}`;
    const peer = await openLivePeer(username);
    fixture.proxied.proxy.fault = respondWith(status, '{"error":"forbidden","reason":"x"}')(urlIncludes('_bulk_docs'));
    await editPreferences(peer.local, `user_${username}`, { theme: 'dark' });
    await eventually(() =>
      peer.responses.some((response) => response.request.includes('_bulk_docs') && response.status === 502),
    );
    fixture.proxied.proxy.fault = undefined;
    await eventually(async () => (await readPreference(peer.local, `user_${username}`, 'theme')) === 'dark');
    await eventually(async () => (await readStoredPreference(username, 'theme')) === 'dark');
    expect([...eventsNamed(peer, 'denied'), ...eventsNamed(peer, 'error')]).toEqual([]);
  });
});

describe('_revs_diff returns {}: PouchDB pushes nothing', () => {
  it.each(['{}', 'null', '"x"', '[{}]', '[{"missing":"1-x"}]', '[{"ok":{}}]', '[{"ok":{"_rev":1}}]'])(
    'an invalid upstream response %s becomes 502, never {}',
    async (invalidBody) => {
      await fixture.proxied.gate.request('diff', '/user_diff');
      fixture.proxied.proxy.fault = respondWith(200, invalidBody)(urlIncludes('open_revs'));
      const body = { user_diff: [`1-${'a'.repeat(32)}`] };
      const response = await fixture.proxied.gate.request('diff', '/_revs_diff', { method: 'POST', body });
      expect([response.status, await response.json()]).toMatchObject([502, { error: 'bad_gateway' }]);
    },
  );

  it('reports invalid revisions and foreign documents as missing, so that PouchDB pushes them and their rows are refused', async () => {
    const body = { user_diff: ['x', `2-${'b'.repeat(32)}`], user_else: [`1-${'a'.repeat(32)}`] };
    const response = await fixture.proxied.gate.request('diff', '/_revs_diff', { method: 'POST', body });
    expect(await response.json()).toMatchObject({
      user_diff: { missing: [`2-${'b'.repeat(32)}`, 'x'] },
      user_else: { missing: [`1-${'a'.repeat(32)}`] },
    });
  });
});

describe('a batch above the read limit', () => {
  it('gets 413 for its Content-Length alone, before any byte of the body', async () => {
    const { gate } = fixture.proxied;
    const request = http.request(`${gate.database}/_bulk_docs`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gate.token('above')}`,
        'content-type': 'application/json',
        'content-length': 65 * 1024 * 1024,
      },
    });
    request.flushHeaders();
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(response.statusCode).toBe(413);
    request.destroy();
  });
});
