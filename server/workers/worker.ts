import { createDemoUser } from '../app/demo-user.ts';
import { startPouchgate, type Pouchgate } from '../app/start.ts';
import type { Config } from '../config/config.ts';
import { DEFAULT_RATE_LIMITS } from '../http/rate-limits.ts';
import { STOP_SIGNALS } from '../lifecycle/stop-signals.ts';
import { createLog } from '../observability/log.ts';
import type { RunningEngine } from '../upstream/embedded/engine-process.ts';
import type { Count, PrimaryMessage, WorkerMessage, WorkerRole } from './messages.ts';
import { PendingCalls } from './pending-calls.ts';
import { shareRateLimits } from './shared-counters.ts';

export interface WorkerOptions {
  readonly config: Config;
  readonly role: WorkerRole;
  /** The folder of the built page; `undefined` serves no page. */
  readonly page: string | undefined;
}

/** How long a request waits for the primary's count, in ms. Then its limit counts in this worker only. */
const MAX_COUNT_WAIT_MS = 1_000;

/**
 * Runs the server in a worker process. The primary process controls it by messages, and collects its metrics. A worker whose primary
 * has exited exits, too (as node:cluster does by default).
 */
export async function runWorker({ config, role, page }: WorkerOptions): Promise<void> {
  // At Ctrl+C and when a service stops, signals reach every process of the group. The primary decides what they mean.
  for (const signal of STOP_SIGNALS) process.on(signal, () => undefined);
  const log = createLog(config.logLevel).child({ worker: role.number });
  const counts = new PendingCalls<Count>(MAX_COUNT_WAIT_MS);
  let pouchgate: Pouchgate | undefined;

  const stop = async (server: Pouchgate, isReplaced: boolean): Promise<void> => {
    log.info({ isReplaced }, 'Stopping.');
    try {
      const onDrained = async (): Promise<void> => send({ type: 'last-metrics', metrics: await server.metrics() });
      await server.close({ isReplaced, onDrained });
      process.exit(0);
    } catch (error) {
      log.error({ err: error }, 'Stopping failed.');
      process.exit(1);
    }
  };
  process.on('message', (message: PrimaryMessage) => {
    switch (message.type) {
      case 'stop':
        if (pouchgate === undefined) process.exit(0);
        void stop(pouchgate, message.isReplaced);
        break;
      case 'end-drain-lead':
        pouchgate?.endDrainLead();
        break;
      case 'ping':
        void send({ type: 'pong' });
        break;
      case 'collect-metrics':
        void reportMetrics(pouchgate, message.callId);
        break;
      case 'counted':
        counts.settle(message.callId, message.count);
    }
  });

  try {
    pouchgate = await startPouchgate({
      config,
      log,
      page,
      engine: toRunningEngine(role.engine),
      servesMetrics: false,
      rateLimits: shareRateLimits(DEFAULT_RATE_LIMITS, (call) =>
        counts.call((callId) => void send({ type: 'count', callId, call })),
      ),
    });
    const demo = role.createsDemoUser ? await createDemoUser(config, pouchgate.identity) : undefined;
    await send({ type: 'ready', url: pouchgate.url, demo });
  } catch (error) {
    await send({ type: 'failed', sentence: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
}

async function reportMetrics(pouchgate: Pouchgate | undefined, callId: number): Promise<void> {
  const metrics = (await pouchgate?.metrics()) ?? [];
  await send({ type: 'metrics', callId, metrics });
}

/** Resolves once the message was handed to the system, also if the primary has exited. */
const send = (message: WorkerMessage): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });

const toRunningEngine = (engine: WorkerRole['engine']): RunningEngine | undefined =>
  engine === undefined
    ? undefined
    : {
        access: { url: engine.url, username: engine.username, password: engine.password },
        jwtSecret: Buffer.from(engine.jwtSecret, 'base64'),
      };
