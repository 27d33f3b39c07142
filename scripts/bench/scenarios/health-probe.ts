import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { median } from '../report/statistics.ts';

export interface Health {
  readonly slowest: number | undefined;
  readonly median: number | undefined;
  /** Without an answer, or with another than 200. */
  readonly failed: number;
}

export interface HealthProbe {
  /** While the server is down on purpose, nothing is asked, and what was asked does not count. */
  pause(): void;
  resume(): void;
  stop(): Promise<Health>;
}

/** In ms. */
const INTERVAL_MS = 50;
const TIMEOUT_MS = 10_000;

/**
 * Asks `/healthz` every 50 ms, whether or not it has answered, each time on a new connection as an orchestrator's probe
 * does: so the server's accepting is measured as well.
 */
export function probeHealth(url: string): HealthProbe {
  const times: number[] = [];
  const pending = new Set<Promise<void>>();
  let failed = 0;
  let paused = false;
  /** Counts the pauses: an answer that belongs before one is not counted after it. */
  let pauseCount = 0;
  const sendProbe = (): void => {
    if (paused) return;
    const pauseCountAtStart = pauseCount;
    const began = performance.now();
    const probe = requestHealth(`${url}/healthz`).then((ok) => {
      pending.delete(probe);
      if (pauseCount !== pauseCountAtStart) return;
      if (ok) times.push(performance.now() - began);
      else failed += 1;
    });
    pending.add(probe);
  };
  const timer = setInterval(sendProbe, INTERVAL_MS);
  return {
    pause() {
      paused = true;
      pauseCount += 1;
    },
    resume() {
      paused = false;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      return {
        slowest: times.length === 0 ? undefined : Math.max(...times),
        median: times.length === 0 ? undefined : median(times),
        failed,
      };
    },
  };
}

/** Whether the answer is 200. */
function requestHealth(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
      response.once('error', () => resolve(false));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}
