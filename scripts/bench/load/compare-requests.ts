import http from 'node:http';
import { median } from '../report/statistics.ts';

export interface CompareOptions {
  /** Database URLs through the gate and through the bare proxy. */
  readonly gate: string;
  readonly bare: string;
  readonly token: string;
  readonly ownId: string;
  /** Requests per route, not counting the warm-up. */
  readonly requests: number;
  readonly concurrency: number;
  readonly now: () => number;
}

/** Medians in ms. */
export interface Comparison {
  readonly requests: number;
  readonly concurrency: number;
  readonly gate: number;
  readonly bare: number;
  /** Median over all rounds of the gate's median divided by the bare proxy's median. */
  readonly ratio: number;
}

const ROUNDS = 20;
const WARM_UP_ROUNDS = 3;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Measures the same request through the gate and through the bare proxy, in short alternating rounds. Other load on the
 * machine then affects both equally.
 */
export async function compareRequests(options: CompareOptions): Promise<Comparison> {
  const { requests, concurrency } = options;
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency });
  const requestsPerRound = Math.max(Math.ceil(requests / ROUNDS), concurrency);
  const measure = (url: string): Promise<number[]> => measureRequests(options, agent, url, requestsPerRound);
  const rounds: { gate: number[]; bare: number[] }[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    // The order alternates because the second measurement finds the database's caches warm.
    const gateFirst = round % 2 === 0;
    const first = await measure(gateFirst ? options.gate : options.bare);
    const second = await measure(gateFirst ? options.bare : options.gate);
    if (round >= 0) rounds.push(gateFirst ? { gate: first, bare: second } : { gate: second, bare: first });
  }
  agent.destroy();
  return {
    requests: requestsPerRound * ROUNDS,
    concurrency,
    gate: median(rounds.flatMap(({ gate }) => gate)),
    bare: median(rounds.flatMap(({ bare }) => bare)),
    ratio: median(rounds.map(({ gate, bare }) => median(gate) / median(bare))),
  };
}

/** Sends `count` requests, `concurrency` at a time. Resolves with each request's duration in ms. */
async function measureRequests(
  options: CompareOptions,
  agent: http.Agent,
  url: string,
  count: number,
): Promise<number[]> {
  const durations: number[] = [];
  let remaining = count;
  const runWorker = async (): Promise<void> => {
    while (remaining > 0) {
      remaining -= 1;
      const startedAt = options.now();
      await bulkGet(options, agent, url);
      durations.push(options.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, runWorker));
  return durations;
}

/** Rejects unless the response is a 200 with the user's own document. */
function bulkGet({ token, ownId }: CompareOptions, agent: http.Agent, url: string): Promise<void> {
  const body = Buffer.from(JSON.stringify({ docs: [{ id: ownId }] }));
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': body.length,
    accept: 'application/json',
  };
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/_bulk_get?revs=true&latest=true`, { agent, method: 'POST', headers });
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => {
        if (response.statusCode === 200 && text.includes(`"_id":"${ownId}"`)) resolve();
        else
          reject(new Error(`${url} responded to _bulk_get with ${String(response.statusCode)}: ${text.slice(0, 200)}`));
      });
    });
    request.setTimeout(REQUEST_TIMEOUT_MS, () =>
      request.destroy(new Error(`${url} did not respond to _bulk_get within ${REQUEST_TIMEOUT_MS / 1_000} s.`)),
    );
    request.end(body);
  });
}
