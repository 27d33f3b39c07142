import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from '../client.ts';
import { readDatabaseDesign } from './design-documents.ts';
import { startEmbeddedEngine, type EngineRequest } from '../embedded/engine.ts';
import { startTestEngine } from '../../testing/embedded-engine.ts';
import { applySchema } from './apply-schema.ts';
import { startFakeUpstream } from '../../testing/fake-couchdb.ts';

const names = { registry: 'user_registry', sessions: 'pouchgate_sessions' };

it('makes everything once: a second time nothing is written', async () => {
  const requests: EngineRequest[] = [];
  const { engine, asAdmin } = await startTestEngine({ onRequest: (request) => requests.push(request) });
  const couch = connect(engine.access);
  const first = await applySchema({ couch, ...names });
  expect(first).toContainEqual({ subject: 'user_registry/_design/registry', outcome: 'made' });
  expect(first).toContainEqual({ subject: 'user_registry/_security', outcome: 'made' });
  const { body: before } = await asAdmin('GET', '/user_registry');

  requests.length = 0;
  const second = await applySchema({ couch, ...names });
  expect(new Set(second.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
  expect(second.map(({ subject }) => subject)).toEqual(first.map(({ subject }) => subject));
  const writes = requests.filter(({ method }) => method !== 'GET').map(({ method, url }) => `${method} ${url}`);
  expect(writes).toEqual(['PUT /_users', 'PUT /pouchgate_sessions', 'PUT /user_registry']);
  expect((await asAdmin('GET', '/user_registry')).body).toEqual(before);
  await engine.close();
});

it('brings back what was changed by hand, and only that', async () => {
  const { engine, asAdmin } = await startTestEngine();
  const couch = connect(engine.access);
  await applySchema({ couch, ...names });
  const { body } = await asAdmin('GET', '/user_registry/_design/registry');
  await asAdmin('PUT', '/user_registry/_design/registry', {
    ...(body as object),
    validate_doc_update: 'function () {}',
  });
  await asAdmin('PUT', '/pouchgate_sessions/_security', { admins: {}, members: { roles: ['registry_user'] } });

  const steps = await applySchema({ couch, ...names });
  expect(steps.filter(({ outcome }) => outcome !== 'unchanged')).toEqual([
    { subject: 'pouchgate_sessions/_security', outcome: 'changed' },
    { subject: 'user_registry/_design/registry', outcome: 'changed' },
  ]);
  const { designs } = await readDatabaseDesign();
  expect((await asAdmin('GET', '/user_registry/_design/registry')).body).toMatchObject(designs[0] ?? {});
  await engine.close();
});

it('several gates at once agree', async () => {
  const { engine } = await startTestEngine();
  const couch = connect(engine.access);
  const runs = await Promise.all(Array.from({ length: 4 }, () => applySchema({ couch, ...names })));
  const made = runs.flat().filter(({ subject, outcome }) => subject.includes('_design') && outcome === 'made');
  expect(made).toHaveLength(1);
  await engine.close();
});

it('only members may use the registry, and nobody the sessions and accounts', async () => {
  const kit = await startTestEngine();
  await applySchema({ couch: connect(kit.engine.access), ...names });
  const alice = await kit.createAccount('alice', ['registry_user']);
  const mallory = await kit.createAccount('mallory', []);
  expect((await alice('GET', '/user_registry')).status).toBe(200);
  expect((await mallory('GET', '/user_registry')).status).toBe(403);
  for (const path of ['/pouchgate_sessions', '/_users']) expect((await alice('GET', path)).status).toBe(403);
  await kit.engine.close();
});

it('waits for an upstream that is still starting', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, 'close');
  const storage = { kind: 'memory', name: 'late' } as const;
  const first = await startEmbeddedEngine({ storage, port });
  const couch = connect(first.access);
  await first.close();
  // Nobody answers any more: a short patience ends in a sentence.
  await expect(applySchema({ couch, ...names, retryDelaysMs: [1, 1] })).rejects.toThrow(
    /^The upstream does not answer; /,
  );

  // One that says 503 at first, and then answers.
  let asked = 0;
  const late = createServer((_, response) => {
    asked += 1;
    response.writeHead(asked < 3 ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ userCtx: { name: 'x', roles: [] } }));
  }).listen(port, '127.0.0.1');
  await once(late, 'listening');
  await expect(applySchema({ couch, ...names, retryDelaysMs: [1, 1, 1, 1] })).rejects.toThrow('not an administrator');
  expect(asked).toBe(3);
  late.closeAllConnections();
  late.close();
  await once(late, 'close');
});

it('says what is wrong with the credentials', async () => {
  const { engine } = await startTestEngine();
  const couch = connect({ ...engine.access, password: 'wrong' });
  await expect(applySchema({ couch, ...names })).rejects.toThrow('The upstream refuses our user name or password.');
  await engine.close();
});

it('says that an account is locked, as CouchDB does after wrong passwords', async () => {
  const reason = 'Account is temporarily locked due to multiple authentication failures';
  const upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: 'forbidden', reason }));
  });
  await expect(applySchema({ couch: connect(upstream.access), ...names })).rejects.toThrow(
    `The upstream lets our user in no longer for now (${reason}). Wait some minutes`,
  );
  await upstream.close();
});
