import { performance } from 'node:perf_hooks';
import { NOTHING, untilQuiet, type BenchStage } from './environment.ts';
import { gatePorts, startGate } from '../servers/fronts.ts';
import { probeHealth } from './health-probe.ts';
import { longestRamp, RAMP } from './live.ts';
import { metricSum } from '../report/prometheus-text.ts';
import type { StormResult } from '../report/result.ts';

/** During the outage. */
const WRITES_PER_SECOND = 100;
const WRITE_SECONDS = 1;
/** In ms. */
const LONGEST_STORM = 180_000;
const SETTLE = 30_000;

/** The gate is killed under its clients, the database is written to meanwhile, and the gate comes back. */
export async function runStorm(stage: BenchStage, clients: number, profile?: string): Promise<StormResult> {
  const { load, upstream, secret, say } = stage;
  say(`storm, ${clients} clients: starting`);
  await load('prepare', { count: clients });
  const ports = await gatePorts();
  let gate = await startGate(upstream, secret, ports);
  const health = probeHealth(gate.url);
  try {
    const before = await load('begin', {
      door: gate.door,
      count: clients,
      perSecond: RAMP,
      most: longestRamp(clients),
    });
    if (before.parked < clients) throw new Error(`Only ${before.parked} of ${clients} clients could be parked.`);
    await untilQuiet(stage);
    say(`storm, ${clients} clients: the gate is killed`);
    const requestsBefore = await upstream.requests();
    const killedAt = performance.now();
    health.pause();
    await gate.child.kill();
    const writing = load('write', { perSecond: WRITES_PER_SECOND, seconds: WRITE_SECONDS });
    gate = await startGate(upstream, secret, ports, profile);
    const backAt = performance.now();
    health.resume();
    const after = await load('parked', { most: LONGEST_STORM });
    const parkedAt = performance.now();
    const [requests, metrics, written] = [await upstream.requests(), await gate.metrics(), await writing];
    const deliveries = await load('settle', { most: SETTLE });
    const { slowest, median, failed } = await health.end();
    if (after.counts.foreign > 0) throw new Error("A client was told of another user's document.");
    return {
      clients,
      outage: backAt - killedAt,
      parkedAfter: after.all ? parkedAt - backAt : null,
      upstreamRequests:
        requests === undefined || requestsBefore === undefined
          ? null
          : requests - requestsBefore - written.done - written.failed,
      upstreamRequestsByMetrics:
        metrics === undefined ? null : (metricSum(metrics, 'pouchgate_upstream_requests_total') ?? null),
      shed: after.counts.shed - before.shed,
      refused: after.counts.refused - before.refused,
      broken: after.counts.broken - before.broken,
      writes: written.done,
      lost: deliveries.lost + deliveries.mistold,
      healthSlowest: slowest ?? null,
      healthMedian: median ?? null,
      healthFailed: failed,
    };
  } finally {
    await health.end();
    await load('end', NOTHING).catch(() => undefined);
    await gate.child.stop();
    await untilQuiet(stage);
  }
}
