/** Which packages a server with a CouchDB loads. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestUpstream } from '../../../server/testing/test-database.ts';
import { startServerProcess } from '../testing/server-process.ts';
import manifest from '../../../package.json' with { type: 'json' };

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

/** Returns the names of the packages that a process has loaded, from the coverage that Node wrote when it exited. */
async function loadedPackages(directory: string): Promise<Set<string>> {
  const packages = new Set<string>();
  for (const file of await readdir(directory)) {
    const { result } = JSON.parse(await readFile(join(directory, file), 'utf8')) as Coverage;
    for (const { url } of result) {
      for (const [, name = ''] of url.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)) packages.add(name);
    }
  }
  return packages;
}

it('a server with a CouchDB loads neither the embedded engine nor the Telegram library', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'loaded-modules-'));
  try {
    const upstream = await startTestUpstream();
    const env = { ...upstream.env(), JWT_SECRET: 'a secret for tests, and for nothing else at all' };
    const child = await startServerProcess({ ...env, PORT: '0', DRAIN_SECONDS: '0', NODE_V8_COVERAGE: directory });
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;

    const packages = await loadedPackages(directory);
    expect(packages).toContain('express');
    const engine = Object.keys(manifest.optionalDependencies);
    expect(engine).toContain('express-pouchdb');
    expect([...engine, 'leveldown', 'grammy'].filter((name) => packages.has(name))).toEqual([]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
