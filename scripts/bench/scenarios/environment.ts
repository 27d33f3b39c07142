import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { callsTo, type Call } from '../load/ipc-calls.ts';
import { startWorker, stopAll } from '../servers/child-process.ts';
import type { LoadWork } from '../load/load-generator.ts';
import { cpuSeconds } from '../report/process-stats.ts';
import { startUpstream, type BenchUpstream } from '../servers/upstream.ts';

/** What every part of the benchmark stands on. */
export interface BenchStage {
  readonly upstream: BenchUpstream;
  /** The load generator. */
  readonly load: Call<LoadWork>;
  readonly secret: string;
  /** Says what goes on. */
  readonly say: (sentence: string) => void;
  close(): Promise<void>;
}

export const NOTHING = undefined as never;

/** Starts the database and the load generator. What was made is unmade by `close`, and when the process is told to end. */
export async function startStage(env: NodeJS.ProcessEnv, say: (sentence: string) => void): Promise<BenchStage> {
  const secret = randomBytes(32).toString('base64url');
  let upstream: BenchUpstream | undefined;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    // The processes first: a gate that is just starting would make the databases anew.
    closing ??= (async () => {
      await stopAll();
      await upstream?.close().catch(() => say('The database could not be cleaned up.'));
    })();
    return closing;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      say('Stopping.');
      void close().finally(() => process.exit(130));
    });
  }
  try {
    upstream = await startUpstream(env);
    const { child } = await startWorker({ script: 'scripts/bench/load/load-generator.ts' });
    const load = callsTo<LoadWork>(child.process);
    await load('setUp', { access: upstream.access, database: upstream.registry, secret });
    return { upstream, load, secret, say, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** In ms. */
const LONGEST_UNREST = 20_000;
const LOOK = 1_000;
/** Cores in use, below which the database counts as quiet. */
const QUIET = 0.1;

/** Waits until the database has worked off what came before, for a while at the most. */
export async function untilQuiet({ upstream: { pid } }: BenchStage): Promise<void> {
  if (pid === undefined) return delay(LOOK);
  const end = performance.now() + LONGEST_UNREST;
  for (let before = await cpuSeconds(pid); performance.now() < end;) {
    await delay(LOOK);
    const after = await cpuSeconds(pid);
    if (after - before < (QUIET * LOOK) / 1_000) return;
    before = after;
  }
}
