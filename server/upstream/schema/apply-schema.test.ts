import { connect } from '../client.ts';
import { addContentHash } from './design-hash.ts';
import { readDatabaseDesign } from './design-documents.ts';
import type { EngineRequest } from '../embedded/engine.ts';
import { startTestEngine } from '../../testing/embedded-engine.ts';
import { applySchema } from './apply-schema.ts';
import { applySchemaStep } from './apply-step.ts';
import { ACCOUNTS_SECURITY } from './security-objects.ts';

const names = { registry: 'user_registry', sessions: 'pouchgate_sessions' };

it('creates everything the first time, and writes nothing the second time', async () => {
  const requests: EngineRequest[] = [];
  const { engine, asAdmin } = await startTestEngine({ onRequest: (request) => requests.push(request) });
  const couch = connect(engine.access);
  const first = await applySchema({ couch, ...names });
  expect(first).toContainEqual({ subject: 'user_registry/_design/registry', outcome: 'made' });
  expect(first).toContainEqual({ subject: 'user_registry/_security', outcome: 'made' });
  expect(first.map(({ subject }) => subject)).toEqual([
    '_users',
    '_users/_security',
    'pouchgate_sessions',
    'pouchgate_sessions/_security',
    'user_registry',
    'user_registry/_security',
    'user_registry/_design/registry',
  ]);
  const { body: before } = await asAdmin('GET', '/user_registry');

  requests.length = 0;
  const second = await applySchema({ couch, ...names });
  expect(new Set(second.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
  expect(second.map(({ subject }) => subject)).toEqual(first.map(({ subject }) => subject));
  const writes = requests.filter(({ method }) => method !== 'GET').map(({ method, url }) => `${method} ${url}`);
  expect(writes).toEqual([]);
  expect((await asAdmin('GET', '/user_registry')).body).toEqual(before);
  await engine.close();
});

it('does not change the access rules of _users while they admit no other role', async () => {
  const { engine, asAdmin } = await startTestEngine();
  const couch = connect(engine.access);
  const step = {
    kind: 'set-security',
    database: '_users',
    security: ACCOUNTS_SECURITY,
    acceptsStricter: true,
  } as const;
  // CouchDB's default: it rejects changes unless a setting allows them.
  expect(await applySchemaStep(couch, step)).toBe(false);
  await asAdmin('PUT', '/_users/_security', { admins: {}, members: { roles: ['registry_user'] } });
  const outcomes = await applySchema({ couch, ...names });
  expect(outcomes).toContainEqual({ subject: '_users/_security', outcome: 'changed' });
  expect((await asAdmin('GET', '/_users/_security')).body).toEqual(ACCOUNTS_SECURITY);
  await engine.close();
});

it('restores what was changed by hand, and only that', async () => {
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

it('gives several gates that start at once the same result', async () => {
  const { engine } = await startTestEngine();
  const couch = connect(engine.access);
  const runs = await Promise.all(Array.from({ length: 4 }, () => applySchema({ couch, ...names })));
  const made = runs.flat().filter(({ subject, outcome }) => subject.includes('_design') && outcome === 'made');
  expect(made).toHaveLength(1);
  await engine.close();
});

it('reads and plans again when another version of the design document is written at the same time', async () => {
  const [design] = (await readDatabaseDesign()).designs;
  if (design === undefined) throw new Error('There is no design document.');
  const older = addContentHash({ ...design, views: {} });
  let interfering: Promise<unknown> | undefined;
  const { engine, asAdmin } = await startTestEngine({
    onRequest: ({ method, url }) => {
      // After the plan is made, before its last step.
      if (method === 'PUT' && url === '/user_registry/_security')
        interfering ??= asAdmin('PUT', '/user_registry/_design/registry', older);
    },
  });
  const couch = connect(engine.access);
  const outcomes = await applySchema({ couch, ...names });
  await interfering;
  expect((await couch.use('user_registry').get('_design/registry'))._rev).toMatch(/^2-/);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual([
    'unchanged',
    'unchanged',
    'made',
    'made',
    'made',
    'made',
    'changed',
  ]);
  await engine.close();
});

it('lets only members use the registry, and no user the sessions and accounts', async () => {
  const testEngine = await startTestEngine();
  const { engine } = testEngine;
  await applySchema({ couch: connect(engine.access), ...names });
  const alice = await testEngine.createAccount('alice', ['registry_user']);
  const mallory = await testEngine.createAccount('mallory', []);
  expect((await alice('GET', '/user_registry')).status).toBe(200);
  expect((await mallory('GET', '/user_registry')).status).toBe(403);
  for (const path of ['/pouchgate_sessions', '/_users']) expect((await alice('GET', path)).status).toBe(403);
  await engine.close();
});

it('rejects an account that is not a server admin', async () => {
  const testEngine = await startTestEngine();
  const { engine, asAdmin } = testEngine;
  await testEngine.createAccount('alice', ['registry_user']);
  const couch = connect({ ...engine.access, username: 'alice', password: 'pw' });
  await expect(applySchema({ couch, ...names })).rejects.toThrow('alice is not a server admin of the upstream.');
  expect((await asAdmin('GET', '/user_registry')).status).toBe(404);
  await engine.close();
});
