import http from 'node:http';
import { median } from '../report/statistics.ts';

export interface CompareOptions {
  /** The databases' URLs: by the gate, and by the bare proxy. */
  readonly gate: string;
  readonly bare: string;
  readonly token: string;
  readonly ownId: string;
  /** Requests by each way, warming up aside. */
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
  /** The median over the rounds of the gate's median to the bare proxy's. */
  readonly ratio: number;
}

const ROUNDS = 20;
const WARM_UP_ROUNDS = 3;

/** The same request by both ways in short turns, so that what else the machine does befalls both alike. */
export async function compareRequests(options: CompareOptions): Promise<Comparison> {
  const { requests, concurrency } = options;
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency });
  const requestsPerRound = Math.max(Math.ceil(requests / ROUNDS), concurrency);
  const measure = (url: string): Promise<number[]> => measureRequests(options, agent, url, requestsPerRound);
  const rounds: { gate: number[]; bare: number[] }[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    // Who goes second finds the database warmer.
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

/** How long each of `count` requests took, `concurrency` at a time. */
async function measureRequests(
  options: CompareOptions,
  agent: http.Agent,
  url: string,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  let remaining = count;
  const runWorker = async (): Promise<void> => {
    while (remaining > 0) {
      remaining -= 1;
      const startedAt = options.now();
      await bulkGet(options, agent, url);
      times.push(options.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, runWorker));
  return times;
}

/** Rejects unless the answer holds the document. */
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
        else reject(new Error(`${url} answered _bulk_get with ${String(response.statusCode)}: ${text.slice(0, 200)}`));
      });
    });
    request.setTimeout(30_000, () => request.destroy(new Error(`${url} does not answer _bulk_get.`)));
    request.end(body);
  });
}
