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
const LONGEST_START = 60_000;
const PATIENCE = 10_000;

const running = new Set<Child>();

let over = false;

/** Ends every process that was started here; from then on none can be. */
export async function stopAll(): Promise<void> {
  over = true;
  await Promise.all([...running].map((child) => child.kill()));
}

function start({ script, env, nodeOptions = [] }: ChildOptions, ipc: boolean): Child {
  if (over) throw new Error('Everything is being ended.');
  const started = spawn(process.execPath, ['--import', 'tsx', ...nodeOptions, join(ROOT, script)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit', ...(ipc ? ['ipc' as const] : [])],
    env: { PATH: process.env['PATH'], ...env },
  });
  const exited = once(started, 'exit');
  const hasEnded = (): boolean => started.exitCode !== null || started.signalCode !== null;
  const kill = async (): Promise<void> => {
    if (hasEnded()) return;
    started.kill('SIGKILL');
    await exited;
  };
  const child: Child = {
    process: started,
    pid: started.pid ?? 0,
    kill,
    async stop(patience = PATIENCE) {
      if (hasEnded()) return;
      started.kill('SIGTERM');
      const late = setTimeout(() => void kill(), patience);
      await exited;
      clearTimeout(late);
    },
  };
  running.add(child);
  void exited.then(() => running.delete(child));
  return child;
}

/** Starts a process of the benchmark's own; resolves with what it first says over its channel. */
export async function startWorker(options: ChildOptions): Promise<{ child: Child; said: unknown }> {
  const child = start(options, true);
  child.process.stdout?.pipe(process.stderr);
  const said = new Promise((resolve) => child.process.once('message', resolve));
  return { child, said: await within(child, said, options.script) };
}

/** Starts a program that says on its standard output that it is ready; resolves with what `read` makes of that line. */
export async function startProgram<T>(
  options: ChildOptions,
  read: (line: string) => T | undefined,
): Promise<{ child: Child; said: T }> {
  const child = start(options, false);
  const said = new Promise<T>((resolve) => {
    if (child.process.stdout === null) return;
    createInterface({ input: child.process.stdout }).on('line', (line) => {
      const value = read(line);
      // The first one counts; whatever else is said is nobody's business.
      if (value !== undefined) resolve(value);
    });
  });
  return { child, said: await within(child, said, options.script) };
}

async function within<T>(child: Child, said: Promise<T>, script: string): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    late = setTimeout(() => reject(new Error(`${script} did not start in time.`)), LONGEST_START);
    child.process.once('exit', () => reject(new Error(`${script} ended before it was ready.`)));
  });
  try {
    return await Promise.race([said, failed]);
  } finally {
    clearTimeout(late);
    // Its end later on is no error, and nobody awaits it.
    failed.catch(() => undefined);
  }
}
