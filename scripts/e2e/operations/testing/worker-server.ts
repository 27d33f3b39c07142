/** The server in two worker processes, started as a supervisor does, for tests that signal and kill them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import jwt from 'jsonwebtoken';
import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';
import { findFreePort } from '../../../../server/testing/free-port.ts';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';
import { startLiveClient, type LiveClient, type LiveFeed } from '../../../../server/testing/live-client.ts';
import type { TestUpstream } from '../../../../server/testing/test-database.ts';

const ROOT = join(import.meta.dirname, '../../../..');

/** A line of the log, parsed from JSON. */
export interface LogLine {
  readonly msg: string;
  /** The number of the worker that has written the line, or that it is about. */
  readonly worker?: number;
  readonly workerPid?: number;
  readonly [field: string]: unknown;
}

export interface WorkerServer {
  readonly url: string;
  /** The URL of the database that clients replicate with. */
  readonly database: string;
  readonly metricsUrl: string;
  /** All lines of the log, the oldest first. */
  readonly log: readonly LogLine[];
  /** The other lines of its output. */
  readonly output: readonly string[];
  /** The process ids of the newest workers by their number. */
  workerPids(): ReadonlyMap<number, number>;
  /** Resolves once the log has this many lines with the message. */
  waitForLog(message: string, count?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code of the server. */
  exited: Promise<number | null>;
  token(username: string): string;
  /** Starts a live client with a connection of its own. */
  startClient(username: string, feed?: LiveFeed): LiveClient;
  /** Sends a request on a connection of its own, so that the workers receive requests in turn. */
  send(username: string, path: string, init?: { readonly method: string; readonly body: unknown }): Promise<Response>;
  close(): Promise<void>;
}

/**
 * Spawns the server as a process, whether it starts or not.
 *
 * @param openFiles - The limit on open files of each process. Default: that of this one.
 */
export function spawnWorkerServer(env: Readonly<Record<string, string>>, openFiles?: number): ChildProcess {
  const preloads = ['--import', 'tsx', '--import', join(ROOT, 'scripts/start/exit-with-parent.mjs')];
  const command = [process.execPath, ...preloads, join(ROOT, 'server/main.ts')];
  const limit = openFiles === undefined ? '' : `ulimit -n ${openFiles} && `;
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A process group without a terminal, which includes the workers.
    detached: true,
    env: { PATH: process.env['PATH'], WORKERS: '2', DRAIN_SECONDS: '0', METRICS_PORT: 'off', ...env },
  });
  closeAfterTests({ close: () => killGroup(child) });
  return child;
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await exited;
}

/** Starts the server on the upstream. Resolves once it prints its URL. */
export async function startWorkerServer(
  upstream: TestUpstream,
  env: Readonly<Record<string, string>> = {},
  openFiles?: number,
): Promise<WorkerServer> {
  const secret = randomBytes(32).toString('base64url');
  const [port, metricsPort] = [await findFreePort(), await findFreePort()];
  const database = upstream.env(upstream.nextAccess());
  const ports = { PORT: String(port), METRICS_PORT: String(metricsPort) };
  const child = spawnWorkerServer({ ...database, ...ports, JWT_SECRET: secret, ...env }, openFiles);
  const { log, output } = readOutput(child);
  const exited = once(child, 'close').then(([code]) => code as number | null);
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`The server did not start: ${output.join('\n')}`);
    return output.some((line) => line.startsWith('Pouchgate is at'));
  });
  const url = `http://127.0.0.1:${port}`;
  const databaseUrl = `${url}/sync/${upstream.names.registry}`;
  const token = (username: string): string => jwt.sign({ sub: username }, secret, { expiresIn: 3_600 });
  return {
    url,
    database: databaseUrl,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    log,
    output,
    workerPids: () =>
      new Map(
        log.flatMap(({ msg, worker, workerPid }) =>
          msg === 'A worker is ready.' && worker !== undefined && workerPid !== undefined ? [[worker, workerPid]] : [],
        ),
      ),
    waitForLog: (message, count = 1) => eventually(() => log.filter(({ msg }) => msg === message).length >= count),
    signal: (signal) => void child.kill(signal),
    exited,
    token,
    startClient: (username, feed = 'longpoll') =>
      startLiveClient({ database: databaseUrl, token: token(username), username, feed }),
    send: (username, path, init) =>
      fetch(`${url}${path}`, {
        headers: {
          authorization: `Bearer ${token(username)}`,
          'content-type': 'application/json',
          connection: 'close',
        },
        ...(init === undefined ? {} : { method: init.method, body: JSON.stringify(init.body) }),
      }),
    close: () => killGroup(child),
  };
}

function readOutput(child: ChildProcess): { readonly log: LogLine[]; readonly output: string[] } {
  const log: LogLine[] = [];
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
      else output.push(line);
    });
  }
  return { log, output };
}

/** Returns whether a process exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
