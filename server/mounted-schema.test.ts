import express, { type Request } from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';
import { createPouchgate, type Authenticated, type MountedPouchgate, type OwnPreferences } from './index.ts';
import { createRecordedLog } from './testing/recorded-log.ts';
import { serveMounted } from './testing/serve-mounted.ts';
import { startTestCouchdb, type TestCouchdb } from './testing-api.ts';

/** An application that changes the schema of its preferences, or has one that fails while it runs. */

let couchdb: TestCouchdb;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  couchdb = await startTestCouchdb();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => couchdb.close());

const authenticate = (req: Request): Authenticated => ({
  username: req.headers.authorization ?? '',
  expiresAt: Date.now() + 3_600_000,
});
let registries = 0;
const newRegistry = (): string => `schemas_${(registries += 1)}`;

/** Starts a version of the application. All versions of one registry share its documents. */
async function start<S extends z.ZodObject>(registry: string, preferences: OwnPreferences<S>, log?: Logger) {
  const pouchgate = await createPouchgate({
    couchdb: couchdb.access,
    authenticate,
    registry,
    preferences,
    ...(log === undefined ? {} : { log }),
  });
  const server = await serveMounted(express().use(pouchgate.router), pouchgate);
  closing.push(() => server.close());
  const url = server.origin;
  const request = (path: string, init: { method?: string; body?: unknown } = {}): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: init.method ?? 'GET',
      headers: { authorization: 'ada', ...(init.body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
  const patch = async (body: object) => {
    const response = await request('/api/users/preferences', { method: 'PATCH', body });
    return { status: response.status, body: (await response.json()) as { preferences: unknown; errors?: unknown } };
  };
  const stored = async (): Promise<{ preferences: Record<string, unknown>; edits: Record<string, string> }> =>
    (await request(`/sync/${registry}/user_ada`)).json() as never;
  return { pouchgate, request, patch, stored };
}

const shownBy = async ({ pouchgate }: { pouchgate: MountedPouchgate<object> }): Promise<unknown> =>
  (await pouchgate.read('ada')).preferences;

const version1 = z.strictObject({
  density: z.enum(['cosy', 'compact']).optional(),
  language: z.enum(['en', 'de']).optional(),
});

test.each([
  ['without the preference', z.strictObject({ density: z.enum(['cosy', 'compact']).optional() })],
  ['that narrows its values', z.strictObject({ ...version1.shape, language: z.enum(['en']).optional() })],
])(
  'a version of the schema %s hides what users have set, and every interface edits the other preferences',
  async (_name, schema) => {
    const registry = newRegistry();
    const before = await start(registry, { schema: version1 });
    await before.pouchgate.edit('ada', { language: 'de', density: 'cosy' });
    const after = await start(registry, { schema });
    expect(await shownBy(after)).toEqual({ density: 'cosy' });
    expect(await after.patch({ density: 'compact' })).toMatchObject({
      status: 200,
      body: { preferences: { density: 'compact' } },
    });
    await after.pouchgate.edit('ada', { density: 'cosy' });
    // The older version still shows what it knows.
    expect(await shownBy(before)).toEqual({ density: 'cosy', language: 'de' });
    expect((await after.stored()).preferences).toEqual({ density: 'cosy', language: 'de' });
    expect(await after.patch({ language: 'de' })).toMatchObject({ status: 200 });
    expect(await after.patch({ language: 'fr' })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/language' }] },
    });
    expect(await after.patch({ language: null })).toMatchObject({ status: 200 });
    expect((await after.stored()).preferences).toEqual({ density: 'cosy' });
  },
);

test('versions side by side with an upgrade keep the last edit of either', async () => {
  const registry = newRegistry();
  const older = await start(registry, { schema: z.strictObject({ dark: z.boolean().optional() }) });
  const newer = await start(registry, {
    schema: z.strictObject({ theme: z.enum(['light', 'dark']).optional() }),
    upgrade: ({ dark, ...values }) =>
      typeof dark === 'boolean' ? { theme: dark ? 'dark' : 'light', ...values } : values,
  });
  await older.pouchgate.edit('ada', { dark: true });
  expect(await shownBy(newer)).toEqual({ theme: 'dark' });
  expect((await newer.stored()).preferences).toEqual({ dark: true });
  await newer.pouchgate.edit('ada', { theme: 'light' });
  expect(await shownBy(newer)).toEqual({ theme: 'light' });
  expect(await shownBy(older)).toEqual({ dark: true });
  await older.pouchgate.edit('ada', { dark: true });
  expect(await shownBy(newer)).toEqual({ theme: 'dark' });
  await newer.pouchgate.edit('ada', { theme: null });
  expect(await shownBy(newer)).toEqual({});
});

test('what an upgrade derives is stored with the next edit, with the stamp of its source', async () => {
  const registry = newRegistry();
  const older = await start(registry, { schema: z.strictObject({ dark: z.boolean().optional() }) });
  const newer = await start(registry, {
    schema: z.strictObject({ theme: z.string().optional(), volume: z.number().optional() }),
    upgrade: ({ dark, ...values }) => (dark === true ? { theme: 'dark', ...values } : values),
  });
  await older.pouchgate.edit('ada', { dark: true });
  await newer.pouchgate.edit('ada', { volume: 3 });
  const { preferences, edits } = await newer.stored();
  expect(preferences).toEqual({ dark: true, theme: 'dark', volume: 3 });
  expect(edits['theme']).toBe(edits['dark']);
});

test('a derived value for which there is no space is shown and not stored, and the edit is', async () => {
  const registry = newRegistry();
  const older = await start(registry, { schema: z.strictObject({ note: z.string().optional() }) });
  const newer = await start(registry, {
    schema: z.strictObject({ text: z.string().optional(), volume: z.number().optional() }),
    upgrade: ({ note, ...values }) => (typeof note === 'string' ? { text: note, ...values } : values),
  });
  const note = 'x'.repeat(40_000);
  await older.pouchgate.edit('ada', { note });
  await newer.pouchgate.edit('ada', { volume: 3 });
  expect(await shownBy(newer)).toEqual({ text: note, volume: 3 });
  expect((await newer.stored()).preferences).toEqual({ note, volume: 3 });
});

test('an upgrade that fails is ignored, and reported once', async () => {
  const log = createRecordedLog();
  const { pouchgate } = await start(
    newRegistry(),
    {
      schema: version1,
      upgrade: (values) => {
        if ('density' in values) throw new Error('a mistake');
        return values;
      },
    },
    log.log,
  );
  await pouchgate.edit('ada', { density: 'cosy' });
  expect(await shownBy({ pouchgate })).toEqual({ density: 'cosy' });
  expect(log.lines.filter(({ msg }) => msg.includes('a mistake'))).toHaveLength(1);
});

test('a schema that fails while it runs rejects the value with 422, is reported once, and the document stays readable', async () => {
  const log = createRecordedLog();
  const schema = z.strictObject({
    a: z
      .string()
      .refine(() => Promise.reject(new Error('no')))
      .optional(),
    b: z
      .string()
      .refine(() => {
        throw new Error('a mistake');
      })
      .optional(),
    density: z.enum(['cosy', 'compact']).optional(),
  });
  const { patch, pouchgate, request } = await start(newRegistry(), { schema }, log.log);
  for (const name of ['a', 'b', 'a', 'b']) {
    expect(await patch({ [name]: 'x' })).toMatchObject({ status: 422, body: { errors: [{ pointer: `/${name}` }] } });
    await expect(pouchgate.edit('ada', { [name]: 'x' })).rejects.toMatchObject({ status: 422 });
  }
  expect(await patch({ density: 'compact' })).toMatchObject({ status: 200 });
  expect((await request('/api/users/preferences')).status).toBe(200);
  expect(log.lines.filter(({ msg }) => msg.startsWith('The schema of the preference'))).toHaveLength(1);
});

test('values that no schema can allow are rejected with the path of the member, and the document stays served', async () => {
  const { patch, pouchgate, stored, request } = await start(newRegistry(), {
    schema: z.strictObject({ any: z.json().optional() }),
  });
  await pouchgate.edit('ada', { any: { colour: 'red' } });
  expect(await patch({ any: { password: 'x' } })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/any/password' }] },
  });
  await expect(pouchgate.edit('ada', { any: [{ apiToken: 'x' }] })).rejects.toMatchObject({
    status: 422,
    errors: [{ pointer: '/any/0/apiToken' }],
  });
  for (const any of [7n, new Date(0), undefined, Number.NaN, new Map(), () => 1, ['\ud800']]) {
    if (any === undefined) continue;
    await expect(pouchgate.edit('ada', { any } as never)).rejects.toMatchObject({ status: 422 });
  }
  await expect(pouchgate.edit('ada', { any: 'x'.repeat(66_000) })).rejects.toMatchObject({
    status: 422,
    message: expect.stringMatching(/^The document would have \d+ bytes; at most 65536 are accepted\.$/) as string,
  });
  expect((await stored()).preferences).toEqual({ any: { colour: 'red' } });
  expect((await request('/api/users/preferences')).status).toBe(200);
});
