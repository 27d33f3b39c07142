import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { NOTHING, untilQuiet, type BenchStage } from './environment.ts';
import type { Front } from '../servers/fronts.ts';
import { connectionsTo, cpuSeconds, residentBytes } from '../report/process-stats.ts';
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
export const RAMP = 500;
/** Whoever is not parked by then, a minute beyond the ramp, is not waited for. In ms. */
export const longestRamp = (clients: number): number => (clients / RAMP) * 1_000 + 60_000;
/** After the last write. In ms. */
const SETTLE = 30_000;
/** In ms. */
const SAMPLE_EVERY = 250;
const LEAST_IDLE = 1_000;
const MOST_IDLE = 12_000;

/** Live users on one front: parked, then written to. The front is started for it, and ended. */
export async function runLive(stage: BenchStage, options: LiveOptions): Promise<LiveResult> {
  const { load, say } = stage;
  const { name, users, seconds, writesPerSecond } = options;
  say(`${name}, ${users} users: starting`);
  await load('prepare', { count: users });
  const front = await options.start();
  try {
    const empty = await warmUp(stage, front, users);
    const { parked } = await load('begin', {
      door: front.door,
      count: users,
      perSecond: RAMP,
      most: longestRamp(users),
    });
    say(`${name}, ${users} users: ${parked} parked`);
    await untilQuiet(stage);
    const idleSeconds = Math.min(Math.max(seconds * 200, LEAST_IDLE), MOST_IDLE) / 1_000;
    const idle = await observed(stage, front, () => delay(idleSeconds * 1_000));
    say(`${name}, ${users} users: writing`);
    const busy = await observed(stage, front, async () => {
      const written = await load('write', { perSecond: writesPerSecond, seconds }, (seconds + 120) * 1_000);
      return { written, deliveries: await load('settle', { most: SETTLE }) };
    });
    const counts = await load('end', NOTHING);
    const { written, deliveries } = busy.value;
    if (counts.foreign > 0) throw new Error(`${name}: a client was told of another user's document.`);
    if (deliveries.mistold > 0) throw new Error(`${name}: a client was told of a revision that nobody wrote.`);
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
    await load('end', NOTHING).catch(() => undefined);
    await front.child.stop();
    await untilQuiet(stage);
  }
}

/** A first crowd comes and goes, so that what a process keeps from then on is not put down to its clients. In bytes. */
async function warmUp(stage: BenchStage, { door, child }: Front, users: number): Promise<number> {
  const count = Math.min(Math.ceil(users / 10), 200);
  await stage.load('begin', { door, count, perSecond: RAMP, most: longestRamp(count) });
  await stage.load('end', NOTHING);
  await untilQuiet(stage);
  return residentBytes(child.pid);
}

interface Observed<T> {
  readonly value: T;
  readonly seconds: number;
  readonly upstreamCpu: number | undefined;
  readonly frontCpu: number;
  /** The front's memory, a sample each. */
  readonly resident: readonly number[];
  readonly connections: readonly number[];
}

/** Does it, and says what the processes did meanwhile. */
async function observed<T>({ upstream }: BenchStage, { child }: Front, act: () => Promise<T>): Promise<Observed<T>> {
  const cpu = async (): Promise<[number | undefined, number]> => [
    upstream.pid === undefined ? undefined : await cpuSeconds(upstream.pid),
    await cpuSeconds(child.pid),
  ];
  const resident: number[] = [];
  const connections: number[] = [];
  let over = false;
  const sample = async (): Promise<void> => {
    for (let n = 0; !over; n += 1) {
      resident.push(await residentBytes(child.pid));
      // With ten thousand sockets to look through this is no small work, so it is done seldom.
      if (n % 20 === 0) connections.push(await connectionsTo(child.pid, upstream.port));
      await delay(SAMPLE_EVERY);
    }
  };
  const sampling = sample();
  const began = performance.now();
  const [upstreamBefore, frontBefore] = await cpu();
  try {
    const value = await act();
    const [upstreamAfter, frontAfter] = await cpu();
    return {
      value,
      seconds: (performance.now() - began) / 1_000,
      upstreamCpu: upstreamBefore === undefined ? undefined : (upstreamAfter ?? 0) - upstreamBefore,
      frontCpu: frontAfter - frontBefore,
      resident,
      connections,
    };
  } finally {
    over = true;
    await sampling;
  }
}
