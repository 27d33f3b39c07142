import { execFileSync } from 'node:child_process';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { eventually } from '../../testing/fake-couchdb.ts';
import { authorizationOf, type UpstreamAccess } from '../client.ts';
import { keyIdOf } from '../jwt-key-id.ts';
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

const fail = (sentence: string): void => {
  throw new Error(sentence);
};

it('keeps its data between starts, and frees its port and directory on close', async () => {
  const first = await startEngineProcess({ directory, onFailure: fail });
  expect((await send(first.access, 'PUT', '/notes')).status).toBe(201);
  expect((await send(first.access, 'PUT', '/notes/one', { text: 'kept' })).status).toBe(201);
  await expect(startEngineProcess({ directory, onFailure: fail })).rejects.toThrow('Is another server using it');
  await first.close();
  await expect(fetch(first.access.url)).rejects.toThrow();

  const second = await startEngineProcess({ directory, onFailure: fail });
  expect(await (await send(second.access, 'GET', '/notes/one')).json()).toMatchObject({ text: 'kept' });
  await second.close();
});

it('responds while the event loop of the process that uses it is blocked', async () => {
  const engine = await startEngineProcess({ directory, onFailure: fail });
  // Blocks this thread until the engine has responded to another process.
  const status = execFileSync(
    process.execPath,
    ['-e', `fetch('${engine.access.url}/').then((response) => console.log(response.status))`],
    { encoding: 'utf8', timeout: MAX_WAIT_MS },
  );
  expect(status.trim()).toBe('200');
  await engine.close();
});

it('restarts on the same port with the same credentials and data when its process is killed', async () => {
  const failures: string[] = [];
  const engine = await startEngineProcess({ directory, onFailure: (sentence) => failures.push(sentence) });
  expect((await send(engine.access, 'PUT', '/notes')).status).toBe(201);
  const token = jwt.sign({ sub: 'alice' }, engine.jwtSecret, { expiresIn: '1h', keyid: keyIdOf(engine.jwtSecret) });
  const readSession = async (): Promise<unknown> =>
    (await fetch(`${engine.access.url}/_session`, { headers: { authorization: `Bearer ${token}` } })).json();
  for (let kills = 1; kills <= 2; kills += 1) {
    process.kill(
      Number(execFileSync('pgrep', ['-P', String(process.pid), '-f', directory], { encoding: 'utf8' })),
      'SIGKILL',
    );
    await eventually(() => failures.length === kills);
    await eventually(() =>
      send(engine.access, 'GET', '/notes')
        .then(({ ok }) => ok)
        .catch(() => false),
    );
    expect(await readSession()).toMatchObject({ userCtx: { name: 'alice' } });
  }
  expect(failures).toEqual(failures.map(() => 'The embedded engine has exited unexpectedly. It is being restarted.'));
  await engine.close();
  await expect(fetch(engine.access.url)).rejects.toThrow();
});
