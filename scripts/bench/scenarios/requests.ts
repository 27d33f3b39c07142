import { untilQuiet, type BenchStage } from './environment.ts';
import { gatePorts, startBareProxy, startGate } from '../servers/fronts.ts';
import type { Comparison } from '../load/compare-requests.ts';

const CONCURRENCIES = [1, 8];

/** What a plain request costs by the gate, beside what it costs when it is only passed on. */
export async function runRequests(stage: BenchStage, requests: number): Promise<Comparison[]> {
  const { load, upstream, secret, say } = stage;
  await load('prepare', { count: 1 });
  const gate = await startGate(upstream, secret, await gatePorts());
  const bare = await startBareProxy(upstream);
  try {
    const comparisons: Comparison[] = [];
    for (const concurrency of CONCURRENCIES) {
      say(`plain requests, ${concurrency} at a time`);
      await untilQuiet(stage);
      const ways = { gate: gate.url + gate.door.path, bare: bare.url + bare.door.path };
      comparisons.push(await load('compare', { ...ways, requests, concurrency }));
    }
    return comparisons;
  } finally {
    await Promise.all([gate.child.stop(), bare.child.stop()]);
  }
}
