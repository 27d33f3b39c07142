import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, type UpstreamAccess } from '../client.ts';
import { startEmbeddedEngine } from './engine.ts';
import { REGISTRY_USERS_SECURITY } from '../../testing/embedded-engine.ts';

/** Starts an engine on `directory` in a child process, which prints its access and waits to be killed. */
function startInChild(directory: string) {
  const module = JSON.stringify(join(import.meta.dirname, 'engine.ts'));
  const program = `
    const { startEmbeddedEngine } = await import(${module});
    const engine = await startEmbeddedEngine({ storage: { kind: 'disk', directory: ${JSON.stringify(directory)} } });
    console.log(JSON.stringify(engine.access));`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: process.cwd() });
}

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'engine-'));
});

afterEach(() => rm(directory, { recursive: true }));

it('keeps every acknowledged write after a SIGKILL', async () => {
  const child = startInChild(directory);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const couch = connect(JSON.parse(line) as UpstreamAccess);
  await couch.db.create('shared');
  await couch.request({ db: 'shared', path: '_security', method: 'PUT', body: REGISTRY_USERS_SECURITY });
  const acknowledged: string[] = [];
  const killed = once(child, 'exit');
  // Writes until the process is killed in between.
  const writing = (async () => {
    for (let index = 0; ; index += 1) {
      const { rev } = await couch.use<{ index: number }>('shared').insert({ index }, `doc-${index}`);
      acknowledged.push(rev);
      if (index === 100) child.kill('SIGKILL');
    }
  })();
  await expect(writing).rejects.toThrow('connection');
  expect(await killed).toEqual([null, 'SIGKILL']);

  const engine = await startEmbeddedEngine({ storage: { kind: 'disk', directory } });
  const again = connect(engine.access);
  expect(await again.request({ db: 'shared', path: '_security' })).toEqual(REGISTRY_USERS_SECURITY);
  const { rows } = await again.use('shared').list({ limit: 100_000 });
  const stored = new Set(rows.map(({ value }) => value.rev));
  expect(acknowledged.length).toBeGreaterThan(100);
  expect(acknowledged.filter((rev) => !stored.has(rev))).toEqual([]);
  await engine.close();
});

it('closes its files, view indexes included, and reopens them', async () => {
  const design = { _id: '_design/d', views: { all: { map: 'function (doc) { emit(doc._id); }' } } };
  for (const round of [1, 2]) {
    const engine = await startEmbeddedEngine({ storage: { kind: 'disk', directory } });
    const couch = connect(engine.access);
    if (round === 1) {
      await couch.db.create('shared');
      await couch.use<object>('shared').insert(design);
    }
    await couch.use<{ round: number }>('shared').insert({ round });
    const { total_rows: rows } = await couch.use('shared').view('d', 'all');
    expect(rows).toBe(round);
    expect(await couch.db.list()).toEqual(['_users', 'shared']);
    await engine.close();
  }
});
