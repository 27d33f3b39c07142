/** Starts servers in child processes. A child exits with this process, and does not keep it alive. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
// Imported, because a test environment may replace or stop the global timers.
import { clearTimeout, setTimeout } from 'node:timers';

export interface ChildServerOptions {
  /** The path of the program without its extension. It calls `serveParent`. */
  readonly program: string;
  readonly args?: readonly string[];
  /** Its environment variables, besides `PATH`. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** The subject of error messages, such as `The embedded engine`. */
  readonly name: string;
  /** The timeout of the start, in ms. Default: 60,000. */
  readonly maxStartMs?: number;
}

export interface ChildServer<Started> {
  /** The message that the program sent once it had started. */
  readonly started: Started;
  /** Resolves once its process has exited, whether it was closed, killed or has failed. */
  readonly exited: Promise<void>;
  /** Closes the server, and resolves once its process has exited. A process that does not exit in time is killed. */
  readonly close: () => Promise<void>;
}

const DEFAULT_MAX_START_MS = 60_000;
/** Longer than `serveParent` waits before it exits. */
const MAX_CLOSE_MS = 15_000;
const MAX_STDERR_LENGTH = 10_000;

/**
 * Starts a program, and resolves once it has started.
 *
 * @param options - The program, and its arguments and environment.
 * @returns The message that it sent, and the function that closes it.
 * @throws An `Error` with the last standard error output of the program if it exits or does not start in time.
 */
export async function startChildServer<Started>(options: ChildServerOptions): Promise<ChildServer<Started>> {
  // In a checkout the TypeScript sources run through tsx. The published package contains compiled files.
  const isSource = import.meta.filename.endsWith('.ts');
  const child = fork(`${options.program}.${isSource ? 'ts' : 'js'}`, options.args ?? [], {
    env: { PATH: process.env['PATH'], ...options.env },
    execArgv: isSource ? ['--import', 'tsx'] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR_LENGTH);
  });
  const started = once(child, 'message') as Promise<[Started]>;
  const exited = once(child, 'exit').then(() => undefined);
  // Nothing of the child keeps this process alive. Until it has started or failed, the timer does.
  child.unref();
  child.channel?.unref();
  if (child.stderr !== null && 'unref' in child.stderr) (child.stderr as { unref(): void }).unref();
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    const { name, maxStartMs = DEFAULT_MAX_START_MS } = options;
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${name} did not start within ${maxStartMs / 1_000} s. ${stderr}`.trim()));
    }, maxStartMs);
    exited.then(
      () => reject(new Error(`${name} did not start: ${stderr}`)),
      (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))),
    );
  });
  failed.catch(() => undefined);
  try {
    const [message] = await Promise.race([started, failed]);
    return { started: message, exited, close: () => closeChild(child, exited) };
  } finally {
    clearTimeout(timer);
  }
}

async function closeChild(child: ReturnType<typeof fork>, exited: Promise<void>): Promise<void> {
  // Keeps this process alive until the child has exited.
  child.ref();
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), MAX_CLOSE_MS);
  await exited;
  clearTimeout(timer);
}
