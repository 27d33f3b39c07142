import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createPage } from './page.ts';

/** The meta tags as the build writes them. */
const HTML =
  '<title>the page</title><meta name="pouchgate-database" content="/sync/user_registry" /><meta name="pouchgate-id-prefix" content="user_" />';
const folder = mkdtempSync(join(tmpdir(), 'page-'));
let server: Server;
let url: string;

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), HTML);
  writeFileSync(join(folder, 'service-worker.js'), '// worker');
  writeFileSync(join(folder, 'assets', 'page-1a2b.js'), '// bundle');
  server = createServer(express().use(createPage(folder, { database: '/sync/other$&_db', idPrefix: 'prefs.' })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await new Promise((resolve) => server.close(resolve));
});

test.each(['/', '/index.html', '/devices', '/inspector', '/two-devices', '/devices?from=mail'])(
  '%s is the page with the server’s configuration, revalidated at each load',
  async (path) => {
    const response = await fetch(url + path);
    const expected = HTML.replace('user_registry', () => 'other$&_db').replace('"user_"', '"prefs."');
    expect([response.status, await response.text()]).toEqual([200, expected]);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(response.headers.get('cache-control')).toBe('no-cache');
  },
);

test.each(['/Devices', '/devices/', '/devices/x', '/nothing', '/assets/other.js', '/assets'])(
  '%s is 404',
  async (path) => {
    expect((await fetch(url + path)).status).toBe(404);
  },
);

test('hashed assets are cached for a year, other files are revalidated', async () => {
  const cached = async (path: string) => (await fetch(url + path)).headers.get('cache-control');
  expect(await cached('/assets/page-1a2b.js')).toBe('public, max-age=31536000, immutable');
  expect(await cached('/service-worker.js')).toBe('no-cache');
});

test('the page answers GET and HEAD only', async () => {
  expect((await fetch(`${url}/devices`, { method: 'POST' })).status).toBe(404);
  expect(await (await fetch(`${url}/devices`, { method: 'HEAD' })).text()).toBe('');
});
