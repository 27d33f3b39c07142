import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { DemoUser } from './app/demo-user.ts';
import { ConfigError, readConfig, type Config } from './config/config.ts';
import { printableText } from './lib/printable-text.ts';
import { createLog } from './observability/log.ts';
import { ROLE_VARIABLE, type WorkerRole } from './workers/messages.ts';

/** The folder of the built page: relative to the sources in a checkout, and to the compiled files in the package. */
const PAGE_DIRECTORY = [join(import.meta.dirname, '../dist/client'), join(import.meta.dirname, '../page')].find(
  (folder) => existsSync(join(folder, 'index.html')),
);

/**
 * By default V8 collects garbage once the heap is about twice as large as the live objects. Most live objects here are parked
 * requests that last for hours, so a third more is enough.
 */
setFlagsFromString('--heap-growing-percent=30');

/** Each kind of process loads its own modules only: the primary serves no requests. */
async function main(): Promise<void> {
  const config = configOrExit();
  const role = process.env[ROLE_VARIABLE];
  if (role !== undefined) {
    const { runWorker } = await import('./workers/worker.ts');
    await runWorker({ config, role: JSON.parse(role) as WorkerRole, page: PAGE_DIRECTORY });
  } else if (config.workers > 1) {
    const { runPrimary } = await import('./workers/primary.ts');
    const program = import.meta.filename;
    const onStarted = (started: StartedServer & { readonly demo: DemoUser | undefined }): void => {
      printStarted(started, config);
      printDemoUser(started.demo);
    };
    process.exit(await runPrimary({ config, log: createLog(config.logLevel), program, onStarted }));
  } else await runSingle(config);
}

/** Runs the whole server in this process. */
async function runSingle(config: Config): Promise<void> {
  const { createDemoUser } = await import('./app/demo-user.ts');
  const { startPouchgate } = await import('./app/start.ts');
  const { listenForStopSignals, stopSignals } = await import('./lifecycle/stop-signals.ts');
  const log = createLog(config.logLevel);
  const pouchgate = await startPouchgate({ config, log, page: PAGE_DIRECTORY });
  // Before the URL is printed, because a supervisor may stop the process as soon as it reads it.
  const signals = stopSignals();
  listenForStopSignals({
    signals,
    process,
    now: () => performance.now(),
    onStop: (signal) => {
      log.info({ signal }, 'Stopping.');
      pouchgate.close().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'Stopping failed.');
          process.exit(1);
        },
      );
    },
    onRepeated: (signal) => {
      if (pouchgate.endDrainLead()) {
        log.info({ signal }, 'No longer waiting for load balancers.');
        return;
      }
      log.warn({ signal }, 'Stopping immediately.');
      process.exit(1);
    },
  });
  if (!signals.includes('SIGHUP')) {
    process.on('SIGHUP', () => log.warn('SIGHUP has no effect on one process. Set WORKERS to 2 or more to reload.'));
  }
  printStarted(pouchgate, config);
  printDemoUser(await createDemoUser(config, pouchgate.identity));
}

interface StartedServer {
  readonly url: string;
  readonly metricsUrl: string | undefined;
}

function printStarted({ url, metricsUrl }: StartedServer, { registry }: Config): void {
  console.log(`Pouchgate is at ${url}`);
  console.log(`Databases replicate with ${url}/sync/${registry}`);
  if (metricsUrl !== undefined) console.log(`Metrics for Prometheus are at ${metricsUrl}`);
}

function printDemoUser(demo: DemoUser | undefined): void {
  if (demo !== undefined) console.log(`Sign in as ${demo.username} with the password ${demo.password}`);
}

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(printableText(error.message));
    process.exit(1);
  }
}

main().catch((error: unknown) => {
  // The message may quote a stored document, or a response of the database.
  console.error(printableText(error instanceof Error ? error.message : String(error)));
  process.exit(1);
});
