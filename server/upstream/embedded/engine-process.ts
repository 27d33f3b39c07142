import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChildServer, type ChildServer } from '../../lib/child-server.ts';
import { errorMessage } from '../setup-error.ts';
import type { EmbeddedEngine } from './engine.ts';
import { generateSecrets, type EngineSecrets } from './secrets.ts';

/** The argument of the engine's process. */
export interface EngineArguments {
  readonly directory: string;
  /** 0: a free port chosen by the system. */
  readonly port: number;
}

/** The message of the engine's process once it has started. */
export interface EngineStarted {
  readonly url: string;
  readonly username: string;
}

/** What gives access to an engine that is running. */
export type RunningEngine = Pick<EmbeddedEngine, 'access' | 'jwtSecret'>;

export interface EngineProcessOptions {
  /** A directory that no other process uses. */
  readonly directory: string;
  /** Called with a sentence for the log when the process has exited unexpectedly, and after each failed restart. */
  readonly onFailure: (sentence: string) => void;
}

/** The delay before the first restart, in ms. It doubles with each further one. */
const MIN_RESTART_DELAY_MS = 500;
const MAX_RESTART_DELAY_MS = 30_000;
/** A process that has run this long counts as working. */
const WORKING_AFTER_MS = 60_000;

/**
 * Starts the embedded engine in a separate process, so that it does not delay this process's event loop. It listens on a
 * free port of 127.0.0.1, and exits with this process. If it exits earlier, it is restarted on the same port, with the same
 * credentials.
 *
 * @param options - The data directory, and a listener.
 * @returns The engine's URL and credentials, and the function that closes it.
 * @throws An `Error` with a message for the operator if the directory cannot be used.
 */
export async function startEngineProcess({ directory, onFailure }: EngineProcessOptions): Promise<EmbeddedEngine> {
  const secrets = generateSecrets();
  const first = await startProcess({ directory, port: 0 }, secrets);
  const { url, username } = first.started;
  const stopping = new AbortController();
  const restart = (): Promise<EngineServer> => startProcess({ directory, port: Number(new URL(url).port) }, secrets);
  const supervised = superviseProcess(first, restart, onFailure, stopping.signal);
  return {
    access: { url, username, password: secrets.password },
    jwtSecret: secrets.jwtSecret,
    close: async () => {
      stopping.abort();
      await supervised;
    },
  };
}

type EngineServer = ChildServer<EngineStarted>;

/** The secrets are passed in the environment, because every user of the machine can read the arguments of a process. */
function startProcess(args: EngineArguments, { password, jwtSecret }: EngineSecrets): Promise<EngineServer> {
  return startChildServer<EngineStarted>({
    program: join(import.meta.dirname, 'engine-process-main'),
    args: [JSON.stringify(args)],
    env: { ENGINE_PASSWORD: password, ENGINE_JWT_SECRET: jwtSecret.toString('base64') },
    name: 'The embedded engine',
  });
}

/** Restarts a process whenever it exits, until `signal` is aborted. Resolves once the last one is closed. Never rejects. */
async function superviseProcess(
  first: EngineServer,
  restart: () => Promise<EngineServer>,
  onFailure: (sentence: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const isAborted = (): boolean => signal.aborted;
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  let server: EngineServer | undefined = first;
  let startedAt = performance.now();
  let failures = 0;
  while (!isAborted()) {
    await Promise.race([server?.exited, aborted]);
    if (isAborted()) break;
    if (server !== undefined) onFailure('The embedded engine has exited unexpectedly. It is being restarted.');
    if (performance.now() - startedAt > WORKING_AFTER_MS) failures = 0;
    const delayMs = Math.min(MIN_RESTART_DELAY_MS * 2 ** failures, MAX_RESTART_DELAY_MS);
    failures += 1;
    await delay(delayMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (isAborted()) return;
    server = await restart().catch((error: unknown) => {
      onFailure(errorMessage(error));
      return undefined;
    });
    startedAt = performance.now();
  }
  await server?.close();
}
