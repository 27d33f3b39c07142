import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { ConfigError, readConfig, type Config } from './config/config.ts';
import { createDemoUser } from './app/demo-user.ts';
import { listenForStopSignals } from './lifecycle/stop-signals.ts';
import { printableText } from './lib/printable-text.ts';
import { createLog } from './observability/log.ts';
import { startPouchgate } from './app/start.ts';

/** The folder of the built page: relative to the sources in a checkout, and to the compiled files in the package. */
const PAGE_DIRECTORY = [join(import.meta.dirname, '../dist/client'), join(import.meta.dirname, '../page')].find(
  (folder) => existsSync(join(folder, 'index.html')),
);

/**
 * By default V8 collects garbage once the heap is about twice as large as the live objects. Most live objects here are parked
 * requests that last for hours, so a third more is enough.
 */
setFlagsFromString('--heap-growing-percent=30');

async function main(): Promise<void> {
  const config = configOrExit();
  const log = createLog(config.logLevel);
  const pouchgate = await startPouchgate({ config, log, page: PAGE_DIRECTORY });
  // Before the URL is printed, because a supervisor may stop the process as soon as it reads it.
  listenForStopSignals({
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

  console.log(`Pouchgate is at ${pouchgate.url}`);
  console.log(`Databases replicate with ${pouchgate.url}/sync/${config.registry}`);
  if (pouchgate.metricsUrl !== undefined) console.log(`Metrics for Prometheus are at ${pouchgate.metricsUrl}`);
  const demo = await createDemoUser(config, pouchgate.identity);
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
