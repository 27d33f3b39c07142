import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A process that the benchmark has started, and ends. */
export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** SIGTERM, and SIGKILL for what is still there after `patience` ms; resolves when it has ended. */
  stop(patience?: number): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
}

export interface ChildOptions {
  /** A TypeScript file, from the project's folder. */
  readonly script: string;
  /** Besides PATH, which is all it gets of ours. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
}

const ROOT = join(import.meta.dirname, '../../..');
/** In ms. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

const running = new Set<Child>();

let isStopping = false;

/** Ends every process that was started here; from then on none can be. */
export async function stopAll(): Promise<void> {
  isStopping = true;
  await Promise.all([...running].map((child) => child.kill()));
}

function startProcess({ script, env, nodeOptions = [] }: ChildOptions, ipc: boolean): Child {
  if (isStopping) throw new Error('Everything is being ended.');
  const subprocess = spawn(process.execPath, ['--import', 'tsx', ...nodeOptions, join(ROOT, script)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit', ...(ipc ? ['ipc' as const] : [])],
    env: { PATH: process.env['PATH'], ...env },
  });
  const exited = once(subprocess, 'exit');
  const hasEnded = (): boolean => subprocess.exitCode !== null || subprocess.signalCode !== null;
  const kill = async (): Promise<void> => {
    if (hasEnded()) return;
    subprocess.kill('SIGKILL');
    await exited;
  };
  const child: Child = {
    process: subprocess,
    pid: subprocess.pid ?? 0,
    kill,
    async stop(timeoutMs = STOP_TIMEOUT_MS) {
      if (hasEnded()) return;
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

/** Starts a process of the benchmark's own; resolves with what it first says over its channel. */
export async function startWorker(options: ChildOptions): Promise<{ child: Child; readyMessage: unknown }> {
  const child = startProcess(options, true);
  child.process.stdout?.pipe(process.stderr);
  const said = new Promise((resolve) => child.process.once('message', resolve));
  return { child, readyMessage: await waitForStart(child, said, options.script) };
}

/** Starts a program that says on its standard output that it is ready; resolves with what `read` makes of that line. */
export async function startProgram<T>(
  options: ChildOptions,
  parseReadyLine: (line: string) => T | undefined,
): Promise<{ child: Child; readyMessage: T }> {
  const child = startProcess(options, false);
  const said = new Promise<T>((resolve) => {
    if (child.process.stdout === null) return;
    createInterface({ input: child.process.stdout }).on('line', (line) => {
      const value = parseReadyLine(line);
      // The first one counts; whatever else is said is nobody's business.
      if (value !== undefined) resolve(value);
    });
  });
  return { child, readyMessage: await waitForStart(child, said, options.script) };
}

async function waitForStart<T>(child: Child, ready: Promise<T>, script: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${script} did not start in time.`)), START_TIMEOUT_MS);
    child.process.once('exit', () => reject(new Error(`${script} ended before it was ready.`)));
  });
  try {
    return await Promise.race([ready, failed]);
  } finally {
    clearTimeout(timer);
    // Its end later on is no error, and nobody awaits it.
    failed.catch(() => undefined);
  }
}
