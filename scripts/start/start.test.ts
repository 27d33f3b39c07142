import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';

/** `npm start` as a user or a supervisor runs it: npm, the shell, the build of the page, and the server. */

const ROOT = join(__dirname, '../..');
let dataDirectory: string;
beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'pouchgate-start-'));
});
afterEach(() => rmSync(dataDirectory, { recursive: true }));

interface NpmStart {
  readonly npm: ChildProcess & { readonly pid: number };
  readonly output: () => string;
  /** Resolves with the first match in the output. */
  readonly waitFor: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** Resolves once npm and every process that it started have exited. */
  readonly allExited: Promise<void>;
}

function npmStart(): NpmStart {
  // As the leader of a process group, npm can be signalled alone or with all of its processes, as by a terminal.
  const npm = spawn('npm', ['start'], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: '0',
      METRICS_PORT: 'off',
      DRAIN_SECONDS: '0',
      DATA_DIR: dataDirectory,
    },
  });
  const { pid } = npm;
  if (pid === undefined) throw new Error('npm did not start.');
  // 'close' waits for every process that shares npm's output.
  const allExited = once(npm, 'close').then(() => undefined);
  closeAfterTests({
    close: () => {
      process.kill(-pid, 'SIGKILL');
    },
  });
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [npm.stdout, npm.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  return {
    npm: Object.assign(npm, { pid }),
    output: () => output,
    waitFor: (pattern) =>
      new Promise((resolve) => {
        const check = (): void => {
          const match = pattern.exec(output);
          if (match === null) return;
          listeners.delete(check);
          resolve(match);
        };
        listeners.add(check);
        check();
      }),
    allExited,
  };
}

async function expectStopped({ output, allExited }: NpmStart, url: string): Promise<void> {
  await allExited;
  await expect(fetch(url)).rejects.toThrow();
  expect(output()).toContain('"Stopping."');
  expect(output()).not.toContain('Stopping immediately.');
}

it.each(['SIGTERM', 'SIGHUP', 'SIGKILL'] as const)('the server stops when npm receives %s', async (signal) => {
  const start = npmStart();
  const [, url = ''] = await start.waitFor(/^Pouchgate is at (\S+)$/m);
  process.kill(start.npm.pid, signal);
  await expectStopped(start, url);
});

it('the server stops in an orderly way at Ctrl+C, which reaches it twice', async () => {
  const start = npmStart();
  const [, url = ''] = await start.waitFor(/^Pouchgate is at (\S+)$/m);
  process.kill(-start.npm.pid, 'SIGINT');
  await expectStopped(start, url);
});

it('a SIGTERM during the build of the page ends all processes', async () => {
  const start = npmStart();
  await start.waitFor(/^Building the page\.$/m);
  process.kill(start.npm.pid, 'SIGTERM');
  await start.allExited;
  expect(start.output()).not.toContain('Pouchgate is at');
});
