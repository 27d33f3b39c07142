import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createWebhook, WEBHOOK_PATH } from '../telegram/updates/webhook.ts';
import { createApp } from './http-app.ts';

/** Requests that Express itself rejects: in its body parser and its file server. */

const SECRET = 'the secret of the webhook';
const folder = mkdtempSync(join(tmpdir(), 'http-app-'));
const unexpected: unknown[] = [];
let server: Server;
let url: string;

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<title>the page</title>');
  writeFileSync(join(folder, 'assets', 'page-1a2b.js'), '// bundle');
  const app = createApp({
    gate: (_req, res) => res.end('the gate'),
    gateBase: '/sync',
    identity: express.Router(),
    preferences: express.Router(),
    telegram: [[WEBHOOK_PATH, createWebhook({ secret: SECRET, onUpdate: () => Promise.resolve() })]],
    readiness: () => Promise.resolve({ status: 200, body: {} }),
    page: folder,
    pageConfig: { database: '/sync/user_registry', idPrefix: 'user_' },
    behindProxy: false,
    trustedProxies: ['loopback'],
    onWarning: (sentence) => void unexpected.push(sentence),
    onError: (error) => void unexpected.push(error),
  });
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  expect(unexpected.splice(0)).toEqual([]);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const postUpdate = (body: string, type = 'application/json', headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url + WEBHOOK_PATH, {
    method: 'POST',
    headers: { 'content-type': type, 'x-telegram-bot-api-secret-token': SECRET, ...headers },
    body,
  });

test.each([
  ['malformed JSON', '{"update_id":', {}, 400, 'bad_request'],
  ['a JSON string', '"x"', {}, 400, 'bad_request'],
  ['an unknown charset', '{}', { 'content-type': 'application/json; charset=klingon' }, 415, 'bad_content_type'],
  ['a compressed body', '{}', { 'content-encoding': 'gzip' }, 415, 'bad_content_type'],
  ['a body over the limit', JSON.stringify('x'.repeat(1024 * 1024)), {}, 413, 'too_large'],
] as const)('the webhook rejects %s with its own status', async (_name, body, headers, status, error) => {
  const response = await postUpdate(body, 'application/json', headers);
  expect([response.status, await response.json()]).toEqual([status, { error, reason: expect.any(String) as string }]);
});

test.each([
  ['an unsatisfiable range', { range: 'bytes=1000-' }, 416, 'requested_range_not_satisfiable'],
  ['an If-Match that does not match', { 'if-match': '"other"' }, 412, 'precondition_failed'],
  ['a date before the last change', { 'if-unmodified-since': new Date(0).toUTCString() }, 412, 'precondition_failed'],
] as const)('a file is refused with its own status for %s', async (_name, headers, status, error) => {
  const response = await fetch(`${url}/assets/page-1a2b.js`, { headers });
  expect([response.status, await response.json()]).toEqual([status, { error, reason: expect.any(String) as string }]);
  // The error must not be cached in place of the file.
  expect(response.headers.get('cache-control')).toBe('no-store');
  if (status === 416) expect(response.headers.get('content-range')).toBe('bytes */9');
});

test.each(['/assets/%E0%A4%A', '/assets/%00', '/.git/config', '/assets/..%2f..%2findex.html', '/%'])(
  'the misleading path %s is 400 or 404',
  async (path) => {
    const response = await fetch(url + path);
    expect([400, 404]).toContain(response.status);
    expect(await response.json()).toMatchObject({ error: expect.any(String) as string });
  },
);

test('a satisfiable range is sent', async () => {
  const response = await fetch(`${url}/assets/page-1a2b.js`, { headers: { range: 'bytes=3-8' } });
  expect([response.status, await response.text()]).toEqual([206, 'bundle']);
});

test.each(['/sync', '/sync/', '/sync?x', '/sync/user_registry/_changes?feed=longpoll'])(
  '%s is the gate’s',
  async (path) => {
    expect(await (await fetch(url + path)).text()).toBe('the gate');
  },
);

test.each(['/sync2', '/Sync/', '/synchronise', '/x/sync/', '/%73ync/'])('%s is not the gate’s', async (path) => {
  const response = await fetch(url + path);
  expect([response.status, await response.json()]).toEqual([404, { error: 'not_found', reason: 'missing' }]);
});
