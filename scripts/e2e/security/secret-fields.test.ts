import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { newUserDocument, userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { readConfig } from '../../../server/config/config.ts';
import { forbidden, HttpError } from '../../../server/http/errors.ts';
import { createLog } from '../../../server/observability/log.ts';
import { startPouchgate } from '../../../server/app/start.ts';
import { connect } from '../../../server/upstream/client.ts';
import { startTestUpstream } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { readPreference, SHORT_BACKOFF } from '../../../server/testing/pouchdb-peer.ts';
import { eventsNamed, setUpPouchdbFixture } from '../conformance/testing/pouchdb-fixture.ts';
import { SecretGuard } from '../../../server/registry/secret-guard.ts';

/** A document with a field that must never be replicated is not served by any endpoint. */

const fixture = setUpPouchdbFixture();
const { newUser, openPeer, openLivePeer, editRemotely } = fixture;

const SECRET = 'sesame-open-yourself';

const refusalOf = (username: string, field = 'preferences.apiToken') => ({
  error: 'forbidden',
  reason: `The document has the member "${field}", which looks like a secret and is not replicated. An operator can remove it: users repair ${username}.`,
});

/** Creates a user whose document has a token that an administrator wrote. */
async function exposedUser(): Promise<string> {
  const username = newUser();
  await fixture.proxied.gate.request(username, '/');
  await editRemotely(username, { apiToken: SECRET });
  return username;
}

it('every request for the body gets 403, with the name of the field and not its value', async () => {
  const { gate } = fixture.proxied;
  const username = await exposedUser();
  const id = `user_${username}`;
  const bulkGet = { method: 'POST', body: { docs: [{ id: 'user_nobody' }, { id }] } };
  const requests: [string, { method?: string; body?: unknown }?][] = [
    [`/${id}`],
    [`/${id}?conflicts=true&revs_info=true`],
    [`/${id}?open_revs=all&revs=true`],
    ['/_bulk_get?revs=true&latest=true', bulkGet],
    ['/_changes?include_docs=true'],
    ['/_changes?include_docs=true&feed=longpoll'],
    ['/_changes?include_docs=true&feed=continuous'],
    ['/_changes?include_docs=true&feed=eventsource'],
  ];
  for (const [path, init] of requests) {
    const response = await gate.request(username, path, init);
    expect([path, response.status, await response.json()]).toEqual([path, 403, refusalOf(username)]);
  }
});

it('requests without the body, and other users, are answered normally', async () => {
  const { gate } = fixture.proxied;
  const username = await exposedUser();
  for (const path of [
    '/',
    '/_changes?style=all_docs',
    '/_changes?since=now&feed=longpoll&include_docs=true&timeout=1',
  ]) {
    const response = await gate.request(username, path);
    expect([path, response.status]).toEqual([path, 200]);
    expect(await response.text()).not.toContain(SECRET);
  }
  const other = newUser();
  expect((await gate.request(other, `/user_${other}`)).status).toBe(200);
});

it('a losing leaf with such a field is not served beside a valid winner', async () => {
  const { gate } = fixture.proxied;
  const registry = fixture.proxied.registry();
  const username = await exposedUser();
  const id = `user_${username}`;
  const { _rev, ...document } = await registry.get(id);
  const winner = { ...document, preferences: {}, _rev: `9-${'f'.repeat(32)}` };
  await registry.bulk({ docs: [winner], new_edits: false });
  expect((await gate.request(username, `/${id}`)).status).toBe(200);
  expect((await gate.request(username, `/${id}?open_revs=all`)).status).toBe(403);
  expect((await gate.request(username, `/${id}?rev=${_rev}`)).status).toBe(403);
});

it('a PouchDB that starts with such a document stops with an error and stores nothing', async () => {
  const peer = openPeer(await exposedUser());
  void peer.sync(SHORT_BACKOFF);
  await eventually(() => eventsNamed(peer, 'error').length > 0);
  expect(eventsNamed(peer, 'error')[0]).toMatchObject({ status: 403, name: 'forbidden' });
  expect((await peer.local.info()).doc_count).toBe(0);
  await expectNoRequests(peer.requests);
});

it('a PouchDB in sync stops when such a field appears, and keeps its previous revision', async () => {
  const username = newUser();
  const peer = await openLivePeer(username);
  await editRemotely(username, { theme: 'dark', apiToken: SECRET });
  await eventually(() => eventsNamed(peer, 'error').length > 0);
  expect(await readPreference(peer.local, `user_${username}`, 'theme')).toBeUndefined();
  await expectNoRequests(peer.requests);
});

it('after an operator has removed the field, a new sync receives the document', async () => {
  const username = await exposedUser();
  await editRemotely(username, { theme: 'dark' });
  const peer = await openLivePeer(username);
  expect(await readPreference(peer.local, `user_${username}`, 'theme')).toBe('dark');
});

it('a write with such a field anywhere in the document is refused as a row', async () => {
  const { gate } = fixture.proxied;
  const registry = fixture.proxied.registry();
  const username = newUser();
  const id = `user_${username}`;
  const document = (await (await gate.request(username, `/${id}`)).json()) as Record<string, unknown> & {
    _rev: string;
  };
  const bodies = [
    { ...document, apiToken: SECRET },
    { ...document, preferences: { password: SECRET } },
    { ...document, edits: { passphrase: '2026-11-22T09:30:01.123Z-0000-w7f3a' } },
  ];
  const docs = bodies.map((body, n) => {
    const ids = [String(n).repeat(32), document._rev.slice('1-'.length)];
    return { ...body, _rev: `2-${ids[0]}`, _revisions: { start: 2, ids } };
  });
  const response = await gate.request(username, '/_bulk_docs', { method: 'POST', body: { docs, new_edits: false } });
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual(
    docs.map(({ _rev }) => ({ id, rev: _rev, error: 'forbidden', reason: expect.any(String) as string })),
  );
  expect(await registry.get(id)).toEqual(document);
});

it('the guard reports the user and the field, and not the value', () => {
  const reports: unknown[] = [];
  const guard = new SecretGuard((...report) => reports.push(report));
  const username = newUser();
  const caller = { username, ownId: userDocumentId(username) };
  guard.check([undefined, { theme: 'dark' }], caller);
  expect(() => guard.check([{ _rev: '3-c', a: { password: SECRET }, token: SECRET }], caller)).toThrow(
    forbidden(refusalOf(username, 'a.password').reason),
  );
  expect(reports).toEqual([[username, 'a.password']]);
  guard.checkLeaves(['2-b', '4-d'], caller);
  expect(() => guard.checkLeaves(['2-b', '3-c'], caller)).toThrow(HttpError);
});

it('the server logs a warning with the user and the field', async () => {
  const lines: string[] = [];
  const log = createLog('warn', { write: (line: string) => lines.push(line) });
  const upstream = await startTestUpstream();
  const secret = randomBytes(32).toString('base64url');
  const config = readConfig({
    ...upstream.env(),
    PORT: '0',
    METRICS_PORT: 'off',
    DRAIN_SECONDS: '0',
    JWT_SECRET: secret,
  });
  const pouchgate = await startPouchgate({ config, log });
  const registry = connect(upstream.access).use<Record<string, unknown>>(upstream.names.registry);
  const document = newUserDocument(newUser(), new Date());
  await registry.insert({ ...document, preferences: { apiToken: SECRET } });
  const token = jwt.sign({ sub: document.username, exp: Math.ceil(Date.now() / 1000) + 60 }, secret);
  const authorization = `Bearer ${token}`;
  const response = await fetch(`${pouchgate.url}/sync/${upstream.names.registry}/${document._id}`, {
    headers: { authorization },
  });
  expect(response.status).toBe(403);
  await pouchgate.close();
  await upstream.close();
  expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
    expect.objectContaining({
      level: 40,
      username: document.username,
      field: 'preferences.apiToken',
      msg: 'A document is not served: it has a field that must never be replicated.',
    }),
  );
  expect(lines.join('')).not.toContain(SECRET);
});

/** Expects no further request for as long as a hot loop, or PouchDB's own backoff, would take to appear. */
async function expectNoRequests(requests: readonly string[]): Promise<void> {
  const { length } = requests;
  const nextRequest = eventually(() => requests.length > length, 1_000);
  await expect(nextRequest).rejects.toThrow();
}
