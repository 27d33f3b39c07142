import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createIpcCall, type IpcCall } from '../load/ipc-calls.ts';
import { startWorker, stopAll } from '../servers/child-process.ts';
import type { LoadMethods } from '../load/load-generator.ts';
import { cpuSeconds } from '../report/process-stats.ts';
import { startUpstream, type BenchUpstream } from '../servers/upstream.ts';

/** What every scenario needs: the database, the load generator, a token secret and a progress log. */
export interface BenchEnvironment {
  readonly upstream: BenchUpstream;
  /** Calls a method of the load generator's process. */
  readonly callLoadGenerator: IpcCall<LoadMethods>;
  /** Secret of the users' tokens (HS256). */
  readonly secret: string;
  /** Reports progress. */
  readonly log: (sentence: string) => void;
  /** Stops every process and deletes the benchmark's databases. */
  close(): Promise<void>;
}

/** For methods of the load generator without a parameter. */
export const NO_ARGUMENT = undefined as never;

/**
 * Starts the database and the load generator. `close`, SIGINT and SIGTERM stop them and delete the databases.
 *
 * @throws UpstreamError if `COUCHDB_URL` cannot be reached.
 */
export async function startEnvironment(
  env: NodeJS.ProcessEnv,
  log: (sentence: string) => void,
): Promise<BenchEnvironment> {
  const secret = randomBytes(32).toString('base64url');
  let upstream: BenchUpstream | undefined;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    // Processes stop first: a starting gate would create the databases again.
    closing ??= (async () => {
      await stopAll();
      await upstream?.close().catch(() => log('Could not delete the databases of the benchmark.'));
    })();
    return closing;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      log('Stopping.');
      void close().finally(() => process.exit(130));
    });
  }
  try {
    upstream = await startUpstream(env);
    const { child } = await startWorker({ script: 'scripts/bench/load/load-generator.ts' });
    const callLoadGenerator = createIpcCall<LoadMethods>(child.process);
    await callLoadGenerator('setUp', { access: upstream.access, database: upstream.registry, secret });
    return { upstream, callLoadGenerator, secret, log, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const MAX_IDLE_WAIT_MS = 20_000;
const CPU_SAMPLE_INTERVAL_MS = 1_000;
/** The database counts as idle when it uses fewer cores than this. */
const IDLE_CORES = 0.1;

/** Waits until the database has finished the previous work, for at most 20 seconds. */
export async function waitForIdleDatabase({ upstream: { pid } }: BenchEnvironment): Promise<void> {
  if (pid === undefined) return delay(CPU_SAMPLE_INTERVAL_MS);
  const deadline = performance.now() + MAX_IDLE_WAIT_MS;
  for (let previous = await cpuSeconds(pid); performance.now() < deadline;) {
    await delay(CPU_SAMPLE_INTERVAL_MS);
    const current = await cpuSeconds(pid);
    if (current - previous < (IDLE_CORES * CPU_SAMPLE_INTERVAL_MS) / 1_000) return;
    previous = current;
  }
}
