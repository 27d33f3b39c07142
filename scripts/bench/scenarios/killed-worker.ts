import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { listChildren } from '../report/process-stats.ts';
import type { KilledWorkerResult } from '../report/result.ts';
import { allocateGatePorts, startGate } from '../servers/fronts.ts';
import { NO_ARGUMENT, waitForIdleDatabase, type BenchEnvironment } from './environment.ts';
import { CONNECTIONS_PER_SECOND, rampTimeoutMs } from './live.ts';

/** Writes before, during and after the restart of the worker. */
const WRITES_PER_SECOND = 50;
const WRITE_SECONDS = 5;
const RECOVERY_TIMEOUT_MS = 180_000;
const DELIVERY_TIMEOUT_MS = 30_000;

const POLL_INTERVAL_MS = 20;
/** In ms. Longer than the clients take to notice that their connections were reset. */
const MAX_NOTICE_MS = 30_000;

/**
 * Kills one worker of the gate with SIGKILL while clients are connected to all of them and the database is written to, and measures the
 * recovery.
 *
 * @throws Error if not all clients can be parked at first, or if a client receives another user's document.
 */
export async function runKilledWorker(
  environment: BenchEnvironment,
  clients: number,
  workers: number,
): Promise<KilledWorkerResult> {
  const { callLoadGenerator, upstream, secret, log } = environment;
  log(`killed worker, ${clients} clients: starting`);
  await callLoadGenerator('prepare', { count: clients });
  const gate = await startGate(upstream, secret, await allocateGatePorts(), undefined, workers);
  try {
    const before = await callLoadGenerator('begin', {
      endpoint: gate.endpoint,
      count: clients,
      perSecond: CONNECTIONS_PER_SECOND,
      timeoutMs: rampTimeoutMs(clients),
    });
    if (before.parked < clients) throw new Error(`Only ${before.parked} of ${clients} clients were parked in time.`);
    await waitForIdleDatabase(environment);
    log(`killed worker, ${clients} clients: a worker is killed`);
    const writing = callLoadGenerator(
      'write',
      { perSecond: WRITES_PER_SECOND, seconds: WRITE_SECONDS },
      (WRITE_SECONDS + 120) * 1_000,
    );
    const killedAt = performance.now();
    process.kill(await findWorker(gate.child.pid), 'SIGKILL');
    await waitForInterruption(environment, before.broken);
    const after = await callLoadGenerator('parked', { timeoutMs: RECOVERY_TIMEOUT_MS });
    const parkedAt = performance.now();
    const written = await writing;
    const deliveries = await callLoadGenerator('settle', { timeoutMs: DELIVERY_TIMEOUT_MS });
    if (after.counts.foreign > 0) throw new Error("A client received another user's document.");
    return {
      workers,
      clients,
      interrupted: after.counts.broken - before.broken,
      parkedAfter: after.all ? parkedAt - killedAt : null,
      refused: after.counts.refused + after.counts.shed - before.refused - before.shed,
      writes: written.done,
      lost: deliveries.lost + deliveries.wrongRevision,
    };
  } finally {
    await callLoadGenerator('end', NO_ARGUMENT).catch(() => undefined);
    await gate.child.stop();
    await waitForIdleDatabase(environment);
  }
}

/** Resolves once the first client has noticed the kill. Until then all clients count as parked. */
async function waitForInterruption({ callLoadGenerator }: BenchEnvironment, brokenBefore: number): Promise<void> {
  const deadline = performance.now() + MAX_NOTICE_MS;
  while (performance.now() < deadline) {
    const { counts } = await callLoadGenerator('parked', { timeoutMs: 0 });
    if (counts.broken > brokenBefore) return;
    await delay(POLL_INTERVAL_MS);
  }
  throw new Error('No client was connected to the killed worker.');
}

/** Resolves with the process id of one of the gate's workers. */
async function findWorker(primary: number): Promise<number> {
  for (const pid of await listChildren(primary)) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (commandLine.includes('main.ts')) return pid;
  }
  throw new Error('The gate has no workers.');
}
