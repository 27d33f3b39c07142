import { setTimeout as delay } from 'node:timers/promises';
import { NO_ARGUMENT, waitForIdleDatabase, type BenchEnvironment } from './environment.ts';
import type { DeliveryResult } from '../load/delivery-log.ts';
import type { ClientCounts } from '../load/live-client.ts';
import type { WriteCounts } from '../load/writer.ts';
import type { Front } from '../servers/fronts.ts';
import { treeResidentBytes } from '../report/process-stats.ts';
import type { FrontName, LiveResult } from '../report/result.ts';
import { median } from '../report/statistics.ts';
import { measure, type Measurement } from './measurement.ts';

export interface LiveOptions {
  readonly name: FrontName;
  /** Processes of the front that serve requests. Default: 1. */
  readonly workers?: number;
  /** Starts the front, which the run stops at its end. */
  readonly start: () => Promise<Front>;
  readonly users: number;
  readonly seconds: number;
  readonly writesPerSecond: number;
}

/** New connections per second. */
export const CONNECTIONS_PER_SECOND = 500;
/** Returns the time limit for parking all clients, in ms: a minute more than connecting them takes. */
export const rampTimeoutMs = (clients: number): number => (clients / CONNECTIONS_PER_SECOND) * 1_000 + 60_000;
/** Maximum wait for deliveries after the last write. */
const DELIVERY_TIMEOUT_MS = 30_000;
const MIN_IDLE_MS = 1_000;
const MAX_IDLE_MS = 12_000;

/**
 * Measures live users on one front: first while all are parked, then during writes.
 *
 * @throws Error if a client receives another user's document or a revision that was never written.
 */
export async function runLive(environment: BenchEnvironment, options: LiveOptions): Promise<LiveResult> {
  const { callLoadGenerator, log } = environment;
  const { name, users } = options;
  log(`${name}, ${users} users: starting`);
  await callLoadGenerator('prepare', { count: users });
  const front = await options.start();
  try {
    const phases = await measurePhases(environment, front, options);
    assertCorrectDeliveries(name, phases);
    return createResult(options, phases);
  } finally {
    await callLoadGenerator('end', NO_ARGUMENT).catch(() => undefined);
    await front.child.stop();
    await waitForIdleDatabase(environment);
  }
}

interface LivePhases {
  /** Memory of the front without clients, in bytes. */
  readonly emptyBytes: number;
  readonly parked: number;
  readonly idle: Measurement<void>;
  readonly busy: Measurement<WriteOutcome>;
  readonly counts: ClientCounts;
}

interface WriteOutcome {
  readonly written: WriteCounts & { readonly lagP99: number };
  readonly deliveries: DeliveryResult;
}

/** Warms the front up, parks the clients, and measures the front without and with writes. */
async function measurePhases(environment: BenchEnvironment, front: Front, options: LiveOptions): Promise<LivePhases> {
  const { callLoadGenerator, log } = environment;
  const { name, users, seconds } = options;
  const emptyBytes = await warmUp(environment, front, users);
  const { parked } = await callLoadGenerator('begin', {
    endpoint: front.endpoint,
    count: users,
    perSecond: CONNECTIONS_PER_SECOND,
    timeoutMs: rampTimeoutMs(users),
  });
  log(`${name}, ${users} users: ${parked} parked`);
  await waitForIdleDatabase(environment);
  const idleMs = Math.min(Math.max(seconds * 200, MIN_IDLE_MS), MAX_IDLE_MS);
  const idle = await measure(environment, front, () => delay(idleMs));
  log(`${name}, ${users} users: writing`);
  const busy = await measure(environment, front, () => writeAndSettle(environment, options));
  const counts = await callLoadGenerator('end', NO_ARGUMENT);
  return { emptyBytes, parked, idle, busy, counts };
}

/**
 * Connects and disconnects some clients first. Memory that the process keeps from then on is not counted as the
 * clients'. Resolves with the front's memory afterwards, in bytes.
 */
async function warmUp(environment: BenchEnvironment, { endpoint, child }: Front, users: number): Promise<number> {
  const count = Math.min(Math.ceil(users / 10), 200);
  await environment.callLoadGenerator('begin', {
    endpoint,
    count,
    perSecond: CONNECTIONS_PER_SECOND,
    timeoutMs: rampTimeoutMs(count),
  });
  await environment.callLoadGenerator('end', NO_ARGUMENT);
  await waitForIdleDatabase(environment);
  return treeResidentBytes(child.pid);
}

async function writeAndSettle(
  { callLoadGenerator }: BenchEnvironment,
  { seconds, writesPerSecond }: LiveOptions,
): Promise<WriteOutcome> {
  const written = await callLoadGenerator('write', { perSecond: writesPerSecond, seconds }, (seconds + 120) * 1_000);
  return { written, deliveries: await callLoadGenerator('settle', { timeoutMs: DELIVERY_TIMEOUT_MS }) };
}

function assertCorrectDeliveries(name: FrontName, { busy, counts }: LivePhases): void {
  if (counts.foreign > 0) throw new Error(`${name}: a client received another user's document.`);
  if (busy.value.deliveries.wrongRevision > 0)
    throw new Error(`${name}: a client received a revision that was never written.`);
}

function createResult(
  { name, workers = 1, users, seconds, writesPerSecond }: LiveOptions,
  { emptyBytes, parked, idle, busy, counts }: LivePhases,
): LiveResult {
  const { written, deliveries } = busy.value;
  const perWrite = (cpu: number | undefined): number | null =>
    cpu === undefined || written.done === 0 ? null : cpu / written.done;
  return {
    front: name,
    workers,
    users,
    parked,
    writes: {
      asked: written.planned,
      done: written.done,
      failed: written.failed,
      skipped: written.skipped,
      askedPerSecond: writesPerSecond,
      donePerSecond: written.done / seconds,
    },
    fromSent: deliveries.fromSent ?? null,
    fromAcknowledged: deliveries.fromAcknowledged ?? null,
    lost: deliveries.lost,
    upstreamSecondsPerWrite: perWrite(busy.upstreamCpu),
    frontSecondsPerWrite: perWrite(busy.frontCpu),
    upstreamIdle: idle.upstreamCpu === undefined ? null : idle.upstreamCpu / idle.seconds,
    frontIdle: idle.frontCpu / idle.seconds,
    bytesPerClient: parked === 0 ? null : (median(idle.resident) - emptyBytes) / parked,
    upstreamConnections: Math.max(...busy.connections),
    clientErrors: { shed: counts.shed, refused: counts.refused, broken: counts.broken, silent: counts.silent },
    loadLagP99: written.lagP99,
  };
}
