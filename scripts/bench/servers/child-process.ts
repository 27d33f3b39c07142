import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A child process that the benchmark started and stops. */
export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /**
   * Sends SIGTERM, and SIGKILL after `timeoutMs` milliseconds (default: 10 s). Resolves once the process has exited.
   */
  stop(timeoutMs?: number): Promise<void>;
  /** Sends SIGKILL. Resolves once the process has exited. */
  kill(): Promise<void>;
}

export interface ChildOptions {
  /** Path of a TypeScript file, relative to the project's root. */
  readonly script: string;
  /** Environment variables. Only PATH is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
}

const ROOT = join(import.meta.dirname, '../../..');
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

const running = new Set<Child>();

let isStopping = false;

/** Kills every process started by this module. Starting another one afterwards throws. */
export async function stopAll(): Promise<void> {
  isStopping = true;
  await Promise.all([...running].map((child) => child.kill()));
}

function startProcess({ script, env, nodeOptions = [] }: ChildOptions, preloads: readonly string[] = []): Child {
  if (isStopping) throw new Error('The benchmark is stopping.');
  const subprocess = spawn(process.execPath, ['--import', 'tsx', ...preloads, ...nodeOptions, join(ROOT, script)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], ...env },
  });
  const exited = once(subprocess, 'exit');
  const hasExited = (): boolean => subprocess.exitCode !== null || subprocess.signalCode !== null;
  const kill = async (): Promise<void> => {
    if (hasExited()) return;
    subprocess.kill('SIGKILL');
    await exited;
  };
  const child: Child = {
    process: subprocess,
    pid: subprocess.pid ?? 0,
    kill,
    async stop(timeoutMs = STOP_TIMEOUT_MS) {
      if (hasExited()) return;
      subprocess.kill('SIGTERM');
      const timer = setTimeout(() => void kill(), timeoutMs);
      await exited;
      clearTimeout(timer);
    },
  };
  running.add(child);
  void exited.then(() => running.delete(child));
  return child;
}

/**
 * Starts one of the benchmark's own processes. Resolves with its first IPC message.
 *
 * @throws Error if the process exits before that message, or does not send it within 60 seconds.
 */
export async function startWorker(options: ChildOptions): Promise<{ child: Child; readyMessage: unknown }> {
  const child = startProcess(options);
  child.process.stdout?.pipe(process.stderr);
  const ready = new Promise((resolve) => child.process.once('message', resolve));
  return { child, readyMessage: await waitForStart(child, ready, options.script) };
}

/**
 * Starts a program that reports on standard output when it is ready. Resolves with the first value that
 * `parseReadyLine` returns for a line.
 *
 * @throws Error if the process exits before that line, or does not print it within 60 seconds.
 */
export async function startProgram<T>(
  options: ChildOptions,
  parseReadyLine: (line: string) => T | undefined,
): Promise<{ child: Child; readyMessage: T }> {
  const child = startProcess(options, ['--import', join(ROOT, 'scripts/start/exit-with-parent.mjs')]);
  const ready = new Promise<T>((resolve) => {
    if (child.process.stdout === null) return;
    createInterface({ input: child.process.stdout }).on('line', (line) => {
      const value = parseReadyLine(line);
      // Only the first value counts. The stream is still read to its end, so that the program never blocks on it.
      if (value !== undefined) resolve(value);
    });
  });
  return { child, readyMessage: await waitForStart(child, ready, options.script) };
}

async function waitForStart<T>(child: Child, ready: Promise<T>, script: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${script} was not ready within ${START_TIMEOUT_MS / 1_000} s.`)),
      START_TIMEOUT_MS,
    );
    child.process.once('exit', () => reject(new Error(`${script} exited before it was ready.`)));
  });
  try {
    return await Promise.race([ready, failed]);
  } finally {
    clearTimeout(timer);
    // The process's later exit must not become an unhandled rejection.
    failed.catch(() => undefined);
  }
}
