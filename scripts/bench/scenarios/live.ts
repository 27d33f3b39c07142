import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_ARGUMENT, waitForIdleDatabase, type BenchEnvironment } from './environment.ts';
import type { Front } from '../servers/fronts.ts';
import { countConnections, cpuSeconds, residentBytes } from '../report/process-stats.ts';
import type { FrontName, LiveResult } from '../report/result.ts';
import { median } from '../report/statistics.ts';

export interface LiveOptions {
  readonly name: FrontName;
  readonly start: () => Promise<Front>;
  readonly users: number;
  readonly seconds: number;
  readonly writesPerSecond: number;
}

/** New connections a second. */
export const CONNECTIONS_PER_SECOND = 500;
/** Whoever is not parked by then, a minute beyond the ramp, is not waited for. In ms. */
export const rampTimeoutMs = (clients: number): number => (clients / CONNECTIONS_PER_SECOND) * 1_000 + 60_000;
/** After the last write. In ms. */
const DELIVERY_TIMEOUT_MS = 30_000;
/** In ms. */
const SAMPLE_INTERVAL_MS = 250;
const MIN_IDLE_MS = 1_000;
const MAX_IDLE_MS = 12_000;

/** Live users on one front: parked, then written to. The front is started for it, and ended. */
export async function runLive(environment: BenchEnvironment, options: LiveOptions): Promise<LiveResult> {
  const { callLoadGenerator, log } = environment;
  const { name, users, seconds, writesPerSecond } = options;
  log(`${name}, ${users} users: starting`);
  await callLoadGenerator('prepare', { count: users });
  const front = await options.start();
  try {
    const empty = await warmUp(environment, front, users);
    const { parked } = await callLoadGenerator('begin', {
      endpoint: front.endpoint,
      count: users,
      perSecond: CONNECTIONS_PER_SECOND,
      timeoutMs: rampTimeoutMs(users),
    });
    log(`${name}, ${users} users: ${parked} parked`);
    await waitForIdleDatabase(environment);
    const idleSeconds = Math.min(Math.max(seconds * 200, MIN_IDLE_MS), MAX_IDLE_MS) / 1_000;
    const idle = await measure(environment, front, () => delay(idleSeconds * 1_000));
    log(`${name}, ${users} users: writing`);
    const busy = await measure(environment, front, async () => {
      const written = await callLoadGenerator(
        'write',
        { perSecond: writesPerSecond, seconds },
        (seconds + 120) * 1_000,
      );
      return { written, deliveries: await callLoadGenerator('settle', { most: DELIVERY_TIMEOUT_MS }) };
    });
    const counts = await callLoadGenerator('end', NO_ARGUMENT);
    const { written, deliveries } = busy.value;
    if (counts.foreign > 0) throw new Error(`${name}: a client was told of another user's document.`);
    if (deliveries.wrongRevision > 0) throw new Error(`${name}: a client was told of a revision that nobody wrote.`);
    const perWrite = (cpu: number | undefined): number | null =>
      cpu === undefined || written.done === 0 ? null : cpu / written.done;
    return {
      front: name,
      users,
      parked,
      writes: {
        asked: written.asked,
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
      bytesPerClient: parked === 0 ? null : (median(idle.resident) - empty) / parked,
      upstreamConnections: Math.max(...busy.connections),
      clientErrors: { shed: counts.shed, refused: counts.refused, broken: counts.broken, silent: counts.silent },
      loadLagP99: written.lagP99,
    };
  } finally {
    await callLoadGenerator('end', NO_ARGUMENT).catch(() => undefined);
    await front.child.stop();
    await waitForIdleDatabase(environment);
  }
}

/** A first crowd comes and goes, so that what a process keeps from then on is not put down to its clients. In bytes. */
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
  return residentBytes(child.pid);
}

interface Measurement<T> {
  readonly value: T;
  readonly seconds: number;
  readonly upstreamCpu: number | undefined;
  readonly frontCpu: number;
  /** The front's memory, a sample each. */
  readonly resident: readonly number[];
  readonly connections: readonly number[];
}

/** Does it, and says what the processes did meanwhile. */
async function measure<T>(
  { upstream }: BenchEnvironment,
  { child }: Front,
  action: () => Promise<T>,
): Promise<Measurement<T>> {
  const cpu = async (): Promise<[number | undefined, number]> => [
    upstream.pid === undefined ? undefined : await cpuSeconds(upstream.pid),
    await cpuSeconds(child.pid),
  ];
  const resident: number[] = [];
  const connections: number[] = [];
  let isDone = false;
  const sample = async (): Promise<void> => {
    for (let n = 0; !isDone; n += 1) {
      resident.push(await residentBytes(child.pid));
      // With ten thousand sockets to look through this is no small work, so it is done seldom.
      if (n % 20 === 0) connections.push(await countConnections(child.pid, upstream.port));
      await delay(SAMPLE_INTERVAL_MS);
    }
  };
  const sampling = sample();
  const startedAt = performance.now();
  const [upstreamBefore, frontBefore] = await cpu();
  try {
    const value = await action();
    const [upstreamAfter, frontAfter] = await cpu();
    return {
      value,
      seconds: (performance.now() - startedAt) / 1_000,
      upstreamCpu: upstreamBefore === undefined ? undefined : (upstreamAfter ?? 0) - upstreamBefore,
      frontCpu: frontAfter - frontBefore,
      resident,
      connections,
    };
  } finally {
    isDone = true;
    await sampling;
  }
}
