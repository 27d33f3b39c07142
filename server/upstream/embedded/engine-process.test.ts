import { execFileSync } from 'node:child_process';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorizationOf, type UpstreamAccess } from '../client.ts';
import { startEngineProcess } from './engine-process.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pouchgate-engine-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const send = (access: UpstreamAccess, method: string, path: string, body?: object): Promise<Response> =>
  fetch(access.url + path, {
    method,
    headers: { authorization: authorizationOf(access), 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

it('keeps its data between starts, and frees its port and directory on close', async () => {
  const first = await startEngineProcess({ kind: 'disk', directory });
  expect((await send(first.access, 'PUT', '/notes')).status).toBe(201);
  expect((await send(first.access, 'PUT', '/notes/one', { text: 'kept' })).status).toBe(201);
  await expect(startEngineProcess({ kind: 'disk', directory })).rejects.toThrow('Is another server using it');
  await first.close();
  await expect(fetch(first.access.url)).rejects.toThrow();

  const second = await startEngineProcess({ kind: 'disk', directory });
  expect(await (await send(second.access, 'GET', '/notes/one')).json()).toMatchObject({ text: 'kept' });
  await second.close();
});

it('responds while the event loop of the process that uses it is blocked', async () => {
  const engine = await startEngineProcess({ kind: 'memory', name: 'blocked-event-loop' });
  // Blocks this thread until the engine has responded to another process.
  const status = execFileSync(
    process.execPath,
    ['-e', `fetch('${engine.access.url}/').then((response) => console.log(response.status))`],
    { encoding: 'utf8', timeout: MAX_WAIT_MS },
  );
  expect(status.trim()).toBe('200');
  await engine.close();
});
