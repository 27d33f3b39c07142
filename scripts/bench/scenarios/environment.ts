import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createIpcCall, type IpcCall } from '../load/ipc-calls.ts';
import { startWorker, stopAll } from '../servers/child-process.ts';
import type { LoadMethods } from '../load/load-generator.ts';
import { cpuSeconds } from '../report/process-stats.ts';
import { startUpstream, type BenchUpstream } from '../servers/upstream.ts';

/** What every part of the benchmark stands on. */
export interface BenchEnvironment {
  readonly upstream: BenchUpstream;
  /** The load generator. */
  readonly callLoadGenerator: IpcCall<LoadMethods>;
  readonly secret: string;
  /** Says what goes on. */
  readonly log: (sentence: string) => void;
  close(): Promise<void>;
}

export const NO_ARGUMENT = undefined as never;

/** Starts the database and the load generator. What was made is unmade by `close`, and when the process is told to end. */
export async function startEnvironment(
  env: NodeJS.ProcessEnv,
  log: (sentence: string) => void,
): Promise<BenchEnvironment> {
  const secret = randomBytes(32).toString('base64url');
  let upstream: BenchUpstream | undefined;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    // The processes first: a gate that is just starting would make the databases anew.
    closing ??= (async () => {
      await stopAll();
      await upstream?.close().catch(() => log('The database could not be cleaned up.'));
    })();
    return closing;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
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

/** In ms. */
const MAX_IDLE_WAIT_MS = 20_000;
const CPU_SAMPLE_INTERVAL_MS = 1_000;
/** Cores in use, below which the database counts as quiet. */
const IDLE_CORES = 0.1;

/** Waits until the database has worked off what came before, for a while at the most. */
export async function waitForIdleDatabase({ upstream: { pid } }: BenchEnvironment): Promise<void> {
  if (pid === undefined) return delay(CPU_SAMPLE_INTERVAL_MS);
  const deadline = performance.now() + MAX_IDLE_WAIT_MS;
  for (let before = await cpuSeconds(pid); performance.now() < deadline;) {
    await delay(CPU_SAMPLE_INTERVAL_MS);
    const after = await cpuSeconds(pid);
    if (after - before < (IDLE_CORES * CPU_SAMPLE_INTERVAL_MS) / 1_000) return;
    before = after;
  }
}
