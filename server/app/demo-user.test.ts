import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { readConfig, type Config } from '../config/config.ts';
import { createDemoUser } from './demo-user.ts';
import { startPouchgate, type Pouchgate } from './start.ts';

const DEMO = { username: 'demo', password: 'try-pouchgate' };

let directory: string;
let lines: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pouchgate-demo-'));
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const configWith = (env: Record<string, string> = {}): Config =>
  readConfig({ DATA_DIR: directory, PORT: '0', METRICS_PORT: 'off', DRAIN_SECONDS: '0', ...env });

const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });

/** Starts a server as main.ts does, on the data of the previous one. */
async function withServer<T>(config: Config, use: (server: Pouchgate, demo: unknown) => Promise<T>): Promise<T> {
  const server = await startPouchgate({ config, log });
  try {
    return await use(server, await createDemoUser(config, server.identity));
  } finally {
    await server.close();
  }
}

const post = (server: Pouchgate, path: string, body: unknown, cookie = ''): Promise<Response> =>
  fetch(`${server.url}/api/auth${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie },
    body: JSON.stringify(body),
  });

test('the demo user and its sessions end when other machines can reach the server, with a line in the log', async () => {
  const cookie = await withServer(configWith(), async (server, demo) => {
    expect(demo).toEqual(DEMO);
    const response = await post(server, '/sign-in', DEMO);
    expect(response.status).toBe(200);
    const [refresh = ''] = response.headers.getSetCookie().filter((each) => each.startsWith('pouchgate_refresh='));
    return refresh.split(';', 1)[0];
  });
  expect(lines.join('')).not.toContain('demo');

  // Over http, so that the cookie has the same name.
  const reachable = configWith({ PUBLIC_URL: 'http://gate.example', REGISTRATION: 'closed' });
  await withServer(reachable, async (server, demo) => {
    expect(demo).toBeUndefined();
    expect((await post(server, '/sign-in', DEMO)).status).toBe(401);
    expect((await post(server, '/refresh', undefined, cookie)).status).toBe(401);
  });
  expect(lines.join('')).toContain('The demo account is removed');

  // The name stays taken, so nothing offers a sign-in that does not work.
  await withServer(configWith(), async (server, demo) => {
    expect(demo).toBeUndefined();
    expect((await post(server, '/sign-in', DEMO)).status).toBe(401);
  });
});

test('a person whose name is demo is kept', async () => {
  const own = { username: 'demo', password: 'a password of their own' };
  const reachable = configWith({ PUBLIC_URL: 'http://gate.example' });
  await withServer(reachable, async (server) => {
    expect((await post(server, '/register', own)).status).toBe(201);
  });
  await withServer(configWith({ HOST: '0.0.0.0' }), async (server) => {
    expect((await post(server, '/sign-in', own)).status).toBe(200);
  });
  const offered = await withServer(configWith(), (_server, demo) => Promise.resolve(demo));
  expect(offered).toBeUndefined();
  expect(lines.join('')).not.toContain('demo');
});
