import { waitForIdleDatabase, type BenchEnvironment } from './environment.ts';
import { allocateGatePorts, startBareProxy, startGate } from '../servers/fronts.ts';
import type { Comparison } from '../load/compare-requests.ts';

const CONCURRENCY_LEVELS = [1, 8];

/** Compares the cost of a plain request through the gate with one that is only forwarded. */
export async function runRequests(environment: BenchEnvironment, requests: number): Promise<Comparison[]> {
  const { callLoadGenerator, upstream, secret, log } = environment;
  await callLoadGenerator('prepare', { count: 1 });
  const gate = await startGate(upstream, secret, await allocateGatePorts());
  const bare = await startBareProxy(upstream);
  try {
    const comparisons: Comparison[] = [];
    for (const concurrency of CONCURRENCY_LEVELS) {
      log(`plain requests, ${concurrency} at a time`);
      await waitForIdleDatabase(environment);
      const urls = { gate: gate.url + gate.endpoint.path, bare: bare.url + bare.endpoint.path };
      comparisons.push(await callLoadGenerator('compare', { ...urls, requests, concurrency }));
    }
    return comparisons;
  } finally {
    await Promise.all([gate.child.stop(), bare.child.stop()]);
  }
}
