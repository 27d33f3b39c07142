import { performance } from 'node:perf_hooks';
import { NO_ARGUMENT, waitForIdleDatabase, type BenchEnvironment } from './environment.ts';
import type { Patience } from '../load/live-client.ts';
import { allocateGatePorts, startGate, startParkingServer, type Front, type Gate } from '../servers/fronts.ts';
import { probeHealth, type HealthProbe } from './health-probe.ts';
import { rampTimeoutMs, CONNECTIONS_PER_SECOND } from './live.ts';
import { cpuSeconds } from '../report/process-stats.ts';
import { sumMetric } from '../report/prometheus-text.ts';
import type { StormFront, StormResult } from '../report/result.ts';

/** Writes during the outage. */
const WRITES_PER_SECOND = 100;
const WRITE_SECONDS = 1;
/** All impatient clients together try to connect this often per second, also while nothing listens. */
const IMPATIENT_CONNECTIONS_PER_SECOND = 2_500;
const RECOVERY_TIMEOUT_MS = 180_000;
const DELIVERY_TIMEOUT_MS = 30_000;

export interface StormOptions {
  /** The bare server has no database, so nothing is written. */
  readonly front: StormFront;
  readonly clients: number;
  readonly patience: Patience;
  /** Directory for the restarted gate's CPU profile. */
  readonly profile?: string | undefined;
}

/**
 * Kills the front while clients are connected, writes to the database during the outage, restarts the front, and measures
 * the recovery.
 *
 * @throws Error if not all clients can be parked at first, or if a client receives another user's document.
 */
export async function runStorm(environment: BenchEnvironment, options: StormOptions): Promise<StormResult> {
  const { callLoadGenerator, log } = environment;
  const { clients, patience } = options;
  const title = `storm, ${options.front}, ${clients} ${patience} clients`;
  log(`${title}: starting`);
  await callLoadGenerator('prepare', { count: clients });
  const start = await createStart(environment, options);
  let front = await start();
  const health = probeHealth(front.url);
  try {
    const { parked } = await callLoadGenerator('begin', {
      endpoint: front.endpoint,
      count: clients,
      perSecond: CONNECTIONS_PER_SECOND,
      timeoutMs: rampTimeoutMs(clients),
      patience,
      ...(patience === 'impatient' ? { reconnectsPerSecond: IMPATIENT_CONNECTIONS_PER_SECOND } : {}),
    });
    if (parked < clients) throw new Error(`Only ${parked} of ${clients} clients were parked in time.`);
    await waitForIdleDatabase(environment);
    log(`${title}: the front is killed`);
    const outcome = await measureRecovery(environment, options, health, front, async () => (front = await start(true)));
    return { ...outcome, ...(await measureHealth(health)) };
  } finally {
    await health.stop();
    await callLoadGenerator('end', NO_ARGUMENT).catch(() => undefined);
    await front.child.stop();
    await waitForIdleDatabase(environment);
  }
}

/** Resolves with a function that starts the front, always on the same port. */
async function createStart(
  { upstream, secret }: BenchEnvironment,
  { front, profile }: StormOptions,
): Promise<(isRestart?: boolean) => Promise<Front | Gate>> {
  const ports = await allocateGatePorts();
  return front === 'gate'
    ? (isRestart = false) => startGate(upstream, secret, ports, isRestart ? profile : undefined)
    : () => startParkingServer(upstream, ports.port);
}

type Recovery = Omit<StormResult, 'healthSlowest' | 'healthMedian' | 'healthFailed'>;

async function measureRecovery(
  { callLoadGenerator, upstream }: BenchEnvironment,
  { front: name, clients, patience }: StormOptions,
  health: HealthProbe,
  before: Front,
  restart: () => Promise<Front | Gate>,
): Promise<Recovery> {
  const countsBefore = await callLoadGenerator('counts', NO_ARGUMENT);
  const requestsBefore = await upstream.requestCount();
  const killedAt = performance.now();
  health.pause();
  await before.child.kill();
  const seconds = name === 'gate' ? WRITE_SECONDS : 0;
  const writing = callLoadGenerator('write', { perSecond: WRITES_PER_SECOND, seconds });
  const front = await restart();
  const backAt = performance.now();
  const cpuBefore = await cpuSeconds(front.child.pid);
  health.resume();
  const { all, counts } = await callLoadGenerator('parked', { timeoutMs: RECOVERY_TIMEOUT_MS });
  const parkedAt = performance.now();
  const cpu = (await cpuSeconds(front.child.pid)) - cpuBefore;
  const requests = await upstream.requestCount();
  const metrics = 'metrics' in front ? await front.metrics() : undefined;
  const written = await writing;
  const deliveries = await callLoadGenerator('settle', { timeoutMs: DELIVERY_TIMEOUT_MS });
  if (counts.foreign > 0) throw new Error("A client received another user's document.");
  return {
    front: name,
    clients,
    patience,
    outage: backAt - killedAt,
    parkedAfter: all ? parkedAt - backAt : null,
    upstreamRequests:
      name === 'bare' || requests === undefined || requestsBefore === undefined
        ? null
        : requests - requestsBefore - written.done - written.failed,
    upstreamRequestsByMetrics:
      metrics === undefined ? null : (sumMetric(metrics, 'pouchgate_upstream_requests_total') ?? null),
    frontSecondsPerClient: cpu / clients,
    shed: counts.shed - countsBefore.shed,
    refused: counts.refused - countsBefore.refused,
    broken: counts.broken - countsBefore.broken,
    writes: written.done,
    lost: deliveries.lost + deliveries.wrongRevision,
  };
}

async function measureHealth(
  health: HealthProbe,
): Promise<Pick<StormResult, 'healthSlowest' | 'healthMedian' | 'healthFailed'>> {
  const { slowest, median, failed } = await health.stop();
  return { healthSlowest: slowest ?? null, healthMedian: median ?? null, healthFailed: failed };
}
