/** A reverse proxy as a process in the foreground, with its files in a temporary folder. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createConnection } from 'node:net';
import { delimiter, join } from 'node:path';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';

export interface ProxyProcess {
  /** Ends the process with SIGTERM, and with SIGKILL if it does not exit. */
  readonly close: () => Promise<void>;
}

/** No proxy outlives this process, even if it exits early. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/** How long a proxy may take to exit, in ms. */
const EXIT_TIMEOUT_MS = 3_000;

/** Returns the path of a program, also where Debian's daemons are, or `undefined` if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface ProxyProcessOptions {
  readonly folder: string;
  readonly port: number;
  /** Called with what the proxy prints. */
  readonly onOutput: (text: string) => void;
}

/** Starts a proxy in `folder`. Resolves once it listens on `port`. Rejects with its output if it exits before. */
export async function startProxyProcess(
  program: string,
  args: readonly string[],
  { folder, port, onOutput }: ProxyProcessOptions,
): Promise<ProxyProcess> {
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Caddy stores its state in these folders.
    env: { PATH: process.env['PATH'], HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      // The first lines are enough for an error at its start.
      output = (output + text).slice(0, 4_000);
      onOutput(text);
    });
  }
  const exited = once(child, 'exit');
  running.add(child);
  child.once('exit', () => running.delete(child));
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`${program} has exited: ${output}`);
    return accepts(port);
  });
  return {
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timeout = setTimeout(() => child.kill('SIGKILL'), EXIT_TIMEOUT_MS);
      await exited;
      clearTimeout(timeout);
    },
  };
}

async function accepts(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
