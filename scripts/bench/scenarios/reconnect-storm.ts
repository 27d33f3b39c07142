import { performance } from 'node:perf_hooks';
import { NO_ARGUMENT, waitForIdleDatabase, type BenchEnvironment } from './environment.ts';
import { allocateGatePorts, startGate } from '../servers/fronts.ts';
import { probeHealth } from './health-probe.ts';
import { rampTimeoutMs, CONNECTIONS_PER_SECOND } from './live.ts';
import { sumMetric } from '../report/prometheus-text.ts';
import type { StormResult } from '../report/result.ts';

/** Writes during the outage. */
const WRITES_PER_SECOND = 100;
const WRITE_SECONDS = 1;
const RECOVERY_TIMEOUT_MS = 180_000;
const DELIVERY_TIMEOUT_MS = 30_000;

/**
 * Kills the gate while clients are connected, writes to the database during the outage, restarts the gate, and measures
 * the recovery.
 *
 * @param profile - Directory for the restarted gate's CPU profile.
 * @throws Error if not all clients can be parked at first, or if a client receives another user's document.
 */
export async function runStorm(environment: BenchEnvironment, clients: number, profile?: string): Promise<StormResult> {
  const { callLoadGenerator, upstream, secret, log } = environment;
  log(`storm, ${clients} clients: starting`);
  await callLoadGenerator('prepare', { count: clients });
  const ports = await allocateGatePorts();
  let gate = await startGate(upstream, secret, ports);
  const health = probeHealth(gate.url);
  try {
    const before = await callLoadGenerator('begin', {
      endpoint: gate.endpoint,
      count: clients,
      perSecond: CONNECTIONS_PER_SECOND,
      timeoutMs: rampTimeoutMs(clients),
    });
    if (before.parked < clients) throw new Error(`Only ${before.parked} of ${clients} clients were parked in time.`);
    await waitForIdleDatabase(environment);
    log(`storm, ${clients} clients: the gate is killed`);
    const requestsBefore = await upstream.requestCount();
    const killedAt = performance.now();
    health.pause();
    await gate.child.kill();
    const writing = callLoadGenerator('write', { perSecond: WRITES_PER_SECOND, seconds: WRITE_SECONDS });
    gate = await startGate(upstream, secret, ports, profile);
    const backAt = performance.now();
    health.resume();
    const after = await callLoadGenerator('parked', { timeoutMs: RECOVERY_TIMEOUT_MS });
    const parkedAt = performance.now();
    const [requests, metrics, written] = [await upstream.requestCount(), await gate.metrics(), await writing];
    const deliveries = await callLoadGenerator('settle', { timeoutMs: DELIVERY_TIMEOUT_MS });
    const { slowest, median, failed } = await health.stop();
    if (after.counts.foreign > 0) throw new Error("A client received another user's document.");
    return {
      clients,
      outage: backAt - killedAt,
      parkedAfter: after.all ? parkedAt - backAt : null,
      upstreamRequests:
        requests === undefined || requestsBefore === undefined
          ? null
          : requests - requestsBefore - written.done - written.failed,
      upstreamRequestsByMetrics:
        metrics === undefined ? null : (sumMetric(metrics, 'pouchgate_upstream_requests_total') ?? null),
      shed: after.counts.shed - before.shed,
      refused: after.counts.refused - before.refused,
      broken: after.counts.broken - before.broken,
      writes: written.done,
      lost: deliveries.lost + deliveries.wrongRevision,
      healthSlowest: slowest ?? null,
      healthMedian: median ?? null,
      healthFailed: failed,
    };
  } finally {
    await health.stop();
    await callLoadGenerator('end', NO_ARGUMENT).catch(() => undefined);
    await gate.child.stop();
    await waitForIdleDatabase(environment);
  }
}
