import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { CleanupStack } from '../app/cleanup-stack.ts';
import type { DemoUser } from '../app/demo-user.ts';
import type { Config } from '../config/config.ts';
import { listen } from '../http/listen.ts';
import { listenForStopSignals, stopSignals } from '../lifecycle/stop-signals.ts';
import { startMetricsServer } from '../observability/metrics-server.ts';
import { startEngineProcess, type RunningEngine } from '../upstream/embedded/engine-process.ts';
import type { GroupMetrics } from './group-metrics.ts';
import { WorkerGroup } from './worker-group.ts';

export interface PrimaryOptions {
  readonly config: Config;
  readonly log: Logger;
  /** The path of the worker's program, which calls `runWorker`. */
  readonly program: string;
  /** Called once all workers serve requests. */
  readonly onStarted: (started: StartedServer) => void;
}

/** What is printed when the server has started. */
export interface StartedServer {
  readonly url: string;
  readonly metricsUrl: string | undefined;
  readonly demo: DemoUser | undefined;
}

/**
 * Runs the server in `config.workers` processes that share its port. This process starts them, and the embedded engine if there is no
 * CouchDB; it serves their metrics, and restarts a worker that exits. It serves no request itself.
 *
 * - SIGTERM and SIGINT stop all workers, as they stop a server of one process.
 * - SIGHUP replaces the workers one after the other, without refusing a connection. In a terminal it stops them, because a terminal
 *   that is closed sends it.
 *
 * Resolves with the exit code after a stop. Rejects with an error for the operator if the server cannot start.
 */
export async function runPrimary({ config, log, program, onStarted }: PrimaryOptions): Promise<number> {
  setupCluster(program);
  const cleanups = new CleanupStack();
  try {
    const engine = await startEngine(config, log, cleanups);
    // With port 0, a worker that starts after all others have exited would get another port.
    const port = config.port === 0 ? await findFreePort(config.host) : config.port;
    const group = new WorkerGroup({ config: { ...config, port }, log, engine });
    const metricsUrl = await startMetrics(config, group.metrics, cleanups);
    return await group.run(({ url, demo }) => {
      // Before the URL is printed, because a supervisor may stop the process as soon as it reads it.
      handleSignals(group, config, log);
      onStarted({ url, metricsUrl, demo });
    });
  } finally {
    await cleanups.run();
  }
}

/** Starts the embedded engine, unless there is a CouchDB. */
async function startEngine(
  { upstream }: Config,
  log: Logger,
  cleanups: CleanupStack,
): Promise<RunningEngine | undefined> {
  if (upstream.kind === 'couchdb') return undefined;
  const directory = join(upstream.dataDirectory, 'couch');
  const engine = await startEngineProcess({ directory, onFailure: (sentence) => log.error(sentence) });
  cleanups.add(() => engine.close());
  return engine;
}

/** Serves the metrics of all workers, unless they are off. Resolves with their URL. */
async function startMetrics(
  { metrics: address }: Config,
  metrics: GroupMetrics,
  cleanups: CleanupStack,
): Promise<string | undefined> {
  if (address === undefined) return undefined;
  const server = await startMetricsServer(metrics, address);
  cleanups.add(() => server.close());
  return server.url;
}

/**
 * The primary accepts connections and hands them to the workers in turn, so that live connections, which last for hours, are spread evenly.
 * docs/decisions.md compares it with the alternatives.
 */
function setupCluster(program: string): void {
  if (!cluster.isPrimary) {
    throw new Error('WORKERS is greater than 1, but this process is itself a worker of node:cluster. Unset WORKERS.');
  }
  cluster.schedulingPolicy = cluster.SCHED_RR;
  // In a checkout the TypeScript sources run through tsx, which `npm start` registers without a flag.
  const needsTsx = program.endsWith('.ts') && !process.execArgv.includes('tsx');
  cluster.setupPrimary({
    exec: program,
    args: [],
    execArgv: [...(needsTsx ? ['--import', 'tsx'] : []), ...process.execArgv],
  });
}

function handleSignals(group: WorkerGroup, { drainLeadSeconds }: Config, log: Logger): void {
  const signals = stopSignals();
  let leadEndsAt = 0;
  listenForStopSignals({
    signals,
    process,
    now: () => performance.now(),
    onStop: (signal) => {
      log.info({ signal }, 'Stopping.');
      leadEndsAt = performance.now() + drainLeadSeconds * 1000;
      group.stop();
    },
    onRepeated: (signal) => {
      if (performance.now() < leadEndsAt) {
        log.info({ signal }, 'No longer waiting for load balancers.');
        leadEndsAt = 0;
        group.endDrainLead();
        return;
      }
      log.warn({ signal }, 'Stopping immediately.');
      group.kill();
    },
  });
  if (!signals.includes('SIGHUP')) process.on('SIGHUP', () => group.replaceAll());
}

async function findFreePort(host: string): Promise<number> {
  const server = createServer();
  const url = await listen(server, { host, port: 0, variables: { host: 'HOST', port: 'PORT' } });
  await new Promise((resolve) => server.close(resolve));
  return Number(new URL(url).port);
}
