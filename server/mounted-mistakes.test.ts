import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { closeAfterTests } from '../couchdb-design/testing/open-resources.ts';
import { createPouchgate, type MountedPouchgate, type PouchgateOptions } from './index.ts';
import { startTestCouchdb, type TestCouchdb } from './testing-api.ts';

/** How wrong options of an application are reported, and the default database in development. */

let couchdb: TestCouchdb;
beforeAll(async () => {
  couchdb = closeAfterTests(await startTestCouchdb());
});

const authenticate = (): object => ({ username: 'alice', expiresAt: Date.now() + 3_600_000 });
let registries = 0;

interface Mounted {
  readonly url: string;
  readonly pouchgate: MountedPouchgate;
  readonly warnings: string[];
  readonly close: () => Promise<void>;
}

/** Mounts a gate at `mountAt`, and collects its warnings. */
async function mount(mountAt: string, options: Partial<Record<keyof PouchgateOptions, unknown>>): Promise<Mounted> {
  const warnings: string[] = [];
  const ignore = (): void => undefined;
  const log = { warn: (text: unknown) => warnings.push(String(text)), error: ignore, info: ignore, debug: ignore };
  registries += 1;
  const all = { couchdb: couchdb.access, authenticate, registry: `mistakes_${registries}`, log, ...options };
  const pouchgate = await createPouchgate(all as unknown as PouchgateOptions);
  const app = express();
  app.use(mountAt, pouchgate.router);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return closeAfterTests({
    url: `http://127.0.0.1:${port}${mountAt}`,
    pouchgate,
    warnings,
    close: async () => {
      await pouchgate.close();
      server.close();
      server.closeAllConnections();
    },
  });
}

const getJson = async (url: string): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(url);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

test.each(['/', '/prefs', '/api/v1/settings'])(
  'without `base` the router serves the path at which it is mounted: %s',
  async (mountAt) => {
    const { url, warnings, close } = await mount(mountAt, {});
    const database = `${url.replace(/\/$/, '')}/sync/mistakes_${registries}`;
    expect(await getJson(`${database}/`)).toMatchObject({ status: 200, body: { db_name: `mistakes_${registries}` } });
    expect(await getJson(`${database}/user_alice`)).toMatchObject({ status: 200, body: { username: 'alice' } });
    expect(await getJson(`${database}/_all_docs`)).toMatchObject({ status: 404 });
    expect((await getJson(`${url.replace(/\/$/, '')}/api/users/profile`)).status).toBe(200);
    expect(warnings).toEqual([]);
    await close();
  },
);

test('a wrong `base` is reported in every response, and once in the log', async () => {
  const { url, warnings, close } = await mount('/prefs', { base: '/settings' });
  const sentence =
    'Pouchgate is mounted at "/prefs", but its option base is "/settings". Remove the option base, or set it to "/prefs".';
  const expected = { status: 500, body: { error: 'wrong_base', reason: sentence } };
  expect(await getJson(`${url}/sync/mistakes_${registries}/`)).toEqual(expected);
  expect(await getJson(`${url}/api/users/profile`)).toEqual(expected);
  expect(warnings).toEqual([sentence]);
  await close();
});

test('a page of another origin can read the response for a wrong `base`', async () => {
  const origin = 'https://app.example.org';
  const { url, close } = await mount('/prefs', { base: '/settings', corsOrigins: [origin] });
  const database = `${url}/sync/mistakes_${registries}/`;
  const preflight = await fetch(database, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization');
  for (const { headers } of [preflight, await fetch(database, { headers: { origin } })]) {
    expect(headers.get('access-control-allow-origin')).toBe(origin);
  }
  const other = await fetch(database, { headers: { origin: 'https://other.example.org' } });
  expect(other.headers.get('access-control-allow-origin')).toBeNull();
  await close();
});

test('a page of another origin can read the response of a gate that is stopping', async () => {
  const origin = 'https://app.example.org';
  const { url, pouchgate, close } = await mount('/prefs', { corsOrigins: [origin] });
  await pouchgate.close();
  const { status, headers } = await fetch(`${url}/sync/`, { headers: { origin } });
  expect([status, headers.get('access-control-allow-origin')]).toEqual([503, origin]);
  await close();
});

test('a `base` unlike the path at which a framework has mounted the listener is reported likewise', async () => {
  const { url, warnings, pouchgate, close } = await mount('/unused', { base: '/settings' });
  const app = express();
  app.use('/prefs', pouchgate.listener);
  app.use('/settings', (req, res, next) => pouchgate.listener(req, res, next));
  app.use((_req, res) => res.send('"the application’s own"'));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sentence =
    'Pouchgate is mounted at "/prefs", but its option base is "/settings". Remove the option base, or set it to "/prefs".';
  for (const path of [`/prefs/sync/mistakes_${registries}/`, '/prefs/api/users/profile']) {
    expect(await getJson(origin + path)).toEqual({ status: 500, body: { error: 'wrong_base', reason: sentence } });
  }
  expect((await getJson(`${origin}/settings/api/users/profile`)).status).toBe(200);
  for (const path of ['/prefs/other', '/sync/', '/other/sync/']) {
    expect(await getJson(origin + path)).toEqual({ status: 200, body: 'the application’s own' });
  }
  expect(warnings).toEqual([sentence]);
  server.closeAllConnections();
  server.close();
  expect(url).not.toBe(origin);
  await close();
});

test('a client that varies the case of the mount path does not make it look wrong', async () => {
  const { warnings, pouchgate, close } = await mount('/unused', { base: '/prefs' });
  const app = express();
  app.use('/prefs', pouchgate.listener);
  const server = createServer(app).listen(0, '127.0.0.1');
  closeAfterTests({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const path of ['/PREFS/sync/', '/Prefs/api/users/profile']) {
    expect((await fetch(origin + path)).status).toBe(404);
  }
  expect((await fetch(`${origin}/prefs/api/users/profile`)).status).toBe(200);
  expect(warnings).toEqual([]);
  await close();
});

test('an `expiresAt` in seconds is reported in every response, and once in the log', async () => {
  const seconds = (): object => ({ username: 'alice', expiresAt: Math.floor(Date.now() / 1000) + 3_600 });
  const { url, warnings, close } = await mount('/', { authenticate: seconds });
  for (let n = 0; n < 2; n += 1) {
    const { status, body } = await getJson(`${url}sync/mistakes_${registries}/`);
    expect([status, body['error']]).toEqual([500, 'invalid_authentication']);
    expect(body['reason']).toContain('Multiply seconds, such as the exp of a JWT, by 1000.');
  }
  expect((await getJson(`${url}api/users/profile`)).body).toMatchObject({
    detail: expect.stringContaining('1970') as string,
  });
  expect(warnings).toEqual([expect.stringContaining('expiresAt')]);
  await close();
});

test('an error in `authenticate` is reported without a log as a warning of the process, without its text to clients', async () => {
  const throwing = (): never => {
    throw new Error('the session table is missing');
  };
  const emitWarning = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
  const { url, close } = await mount('/', { authenticate: throwing, log: undefined });
  const { status, body } = await getJson(`${url}sync/mistakes_${registries}/`);
  expect([status, body['reason']]).toEqual([500, 'An unexpected error occurred.']);
  expect(emitWarning.mock.calls).toEqual([
    ['authenticate failed: Error: the session table is missing', 'PouchgateWarning'],
  ]);
  emitWarning.mockRestore();
  await close();
});

describe('the embedded engine of an application in development', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pouchgate-mounted-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('keeps its data when the application restarts', async () => {
    const options = { couchdb: { dataDirectory: directory }, registry: 'kept' };
    const first = await mount('/', options);
    await first.pouchgate.edit('alice', { theme: 'dark' });
    await first.close();
    const second = await mount('/', options);
    expect((await second.pouchgate.read('alice')).preferences.theme).toBe('dark');
    await second.close();
  });

  test('is reported when it is started because `couchdb` is not set', async () => {
    const cwd = process.cwd();
    // The engine's process loads the TypeScript loader from there.
    symlinkSync(join(cwd, 'node_modules'), join(directory, 'node_modules'));
    process.chdir(directory);
    try {
      const { warnings, close } = await mount('/', { couchdb: undefined });
      expect(warnings).toEqual([expect.stringContaining('The embedded engine stores all data in ./data.')]);
      await close();
    } finally {
      process.chdir(cwd);
    }
  });

  test('is not started in production unless it is configured', async () => {
    const { NODE_ENV } = process.env;
    process.env['NODE_ENV'] = 'production';
    try {
      await expect(mount('/', { couchdb: undefined })).rejects.toThrow(
        'couchdb is missing: with NODE_ENV=production it must be { url, username, password }',
      );
      await (await mount('/', { couchdb: { dataDirectory: directory } })).close();
    } finally {
      process.env['NODE_ENV'] = NODE_ENV;
    }
  });
});
