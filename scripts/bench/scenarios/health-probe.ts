import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { median } from '../report/statistics.ts';

/** Response times in ms; undefined without a successful probe. */
export interface Health {
  readonly slowest: number | undefined;
  readonly median: number | undefined;
  /** Probes without a response, or with a status other than 200. */
  readonly failed: number;
}

export interface HealthProbe {
  /** Stops probing while the server is down on purpose. Probes in flight are not counted. */
  pause(): void;
  resume(): void;
  /** Stops probing. Resolves with the result once no probe is in flight. */
  stop(): Promise<Health>;
}

const INTERVAL_MS = 50;
const TIMEOUT_MS = 10_000;

/**
 * Requests `/healthz` every 50 ms, even while earlier probes are in flight. Each probe opens a new connection, as an
 * orchestrator's probe does, so the time to accept a connection is included.
 */
export function probeHealth(url: string): HealthProbe {
  const durations: number[] = [];
  const pending = new Set<Promise<void>>();
  let failed = 0;
  let paused = false;
  /** Number of pauses so far. A probe that started before the latest pause is not counted. */
  let pauseCount = 0;
  const sendProbe = (): void => {
    if (paused) return;
    const pauseCountAtStart = pauseCount;
    const startedAt = performance.now();
    const probe = requestHealth(`${url}/healthz`).then((ok) => {
      pending.delete(probe);
      if (pauseCount !== pauseCountAtStart) return;
      if (ok) durations.push(performance.now() - startedAt);
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
        slowest: durations.length === 0 ? undefined : Math.max(...durations),
        median: durations.length === 0 ? undefined : median(durations),
        failed,
      };
    },
  };
}

/** Resolves with `true` if the response status is 200. Never rejects. */
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
