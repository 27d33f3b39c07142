import type { BenchEnvironment } from './environment.ts';
import { startRefusingServer } from '../servers/fronts.ts';
import { cpuSeconds } from '../report/process-stats.ts';
import type { RefusalResult } from '../report/result.ts';

/** Enough that the server always has requests to refuse. */
const CONNECTIONS = 64;
/** Compiles the server's code before the measurement. */
const WARM_UP_REQUESTS = 5_000;

/** Measures the CPU time of a refusal by the admission queue, and of the same response of `node:http` alone. */
export async function runRefusals(environment: BenchEnvironment, requests: number): Promise<RefusalResult> {
  const measure = async (front: 'gate' | 'bare'): Promise<number> => {
    environment.log(`refusals, ${front}: ${requests} requests`);
    const { child, endpoint } = await startRefusingServer(front);
    try {
      const send = (count: number): Promise<void> =>
        environment.callLoadGenerator('refuse', { endpoint, connections: CONNECTIONS, count });
      await send(WARM_UP_REQUESTS);
      const before = await cpuSeconds(child.pid);
      await send(requests);
      return ((await cpuSeconds(child.pid)) - before) / requests;
    } finally {
      await child.stop();
    }
  };
  return { requests, gateSeconds: await measure('gate'), bareSeconds: await measure('bare') };
}
