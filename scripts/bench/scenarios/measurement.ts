import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Front } from '../servers/fronts.ts';
import { countConnections, cpuSeconds, listTree, treeResidentBytes } from '../report/process-stats.ts';
import type { BenchEnvironment } from './environment.ts';

/** What an action resolved with, and the resources that the processes used during it. */
export interface Measurement<T> {
  readonly value: T;
  /** Duration of the action. */
  readonly seconds: number;
  /** CPU seconds of the database; undefined if its process is not visible. */
  readonly upstreamCpu: number | undefined;
  /** CPU seconds of the front. */
  readonly frontCpu: number;
  /** Samples of the front's resident memory, in bytes. */
  readonly resident: readonly number[];
  /** Samples of the number of connections from the front to the database. */
  readonly connections: readonly number[];
}

const SAMPLE_INTERVAL_MS = 250;
/** Counting ten thousand sockets is expensive, so only every 20th sample does it. */
const SAMPLES_PER_CONNECTION_COUNT = 20;

/** Runs the action and measures the front and the database until it settles. Rejects as the action does. */
export async function measure<T>(
  environment: BenchEnvironment,
  front: Front,
  action: () => Promise<T>,
): Promise<Measurement<T>> {
  const sampler = startSampler(environment, front);
  const startedAt = performance.now();
  try {
    const cpuBefore = await readCpu(environment, front);
    const value = await action();
    const cpuAfter = await readCpu(environment, front);
    return {
      value,
      seconds: (performance.now() - startedAt) / 1_000,
      upstreamCpu: cpuBefore.upstream === undefined ? undefined : (cpuAfter.upstream ?? 0) - cpuBefore.upstream,
      frontCpu: cpuAfter.front - cpuBefore.front,
      resident: sampler.resident,
      connections: sampler.connections,
    };
  } finally {
    await sampler.stop();
  }
}

/** Resolves with the CPU seconds of both processes so far. */
async function readCpu(
  { upstream }: BenchEnvironment,
  { child }: Front,
): Promise<{ upstream: number | undefined; front: number }> {
  return {
    upstream: upstream.pid === undefined ? undefined : await cpuSeconds(upstream.pid),
    front: await cpuSeconds(child.pid),
  };
}

function startSampler(
  { upstream }: BenchEnvironment,
  { child }: Front,
): { readonly resident: number[]; readonly connections: number[]; stop(): Promise<void> } {
  const resident: number[] = [];
  const connections: number[] = [];
  let isStopped = false;
  const takeSamples = async (): Promise<void> => {
    for (let n = 0; !isStopped; n += 1) {
      resident.push(await treeResidentBytes(child.pid));
      if (n % SAMPLES_PER_CONNECTION_COUNT === 0) {
        const counts = (await listTree(child.pid)).map((pid) => countConnections(pid, upstream.port));
        connections.push((await Promise.all(counts)).reduce((sum, count) => sum + count, 0));
      }
      await delay(SAMPLE_INTERVAL_MS);
    }
  };
  const sampling = takeSamples();
  return {
    resident,
    connections,
    stop() {
      isStopped = true;
      return sampling;
    },
  };
}
