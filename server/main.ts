import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { ConfigError, readConfig, type Config } from './config/config.ts';
import { createDemoUser } from './app/demo-user.ts';
import { createLog } from './observability/log.ts';
import { startPouchgate } from './app/start.ts';

/** The built page, where `vite build` puts it: below the sources' folder, and in the package beside the compiled ones. */
const PAGE_DIRECTORY = [join(import.meta.dirname, '../dist/client'), join(import.meta.dirname, '../../client')].find(
  (folder) => existsSync(join(folder, 'index.html')),
);

/**
 * V8 collects when the heap has grown to about twice what lives in it. Most of what lives here is parked requests, which stay
 * for hours; a third more is enough.
 */
setFlagsFromString('--heap-growing-percent=30');

async function main(): Promise<void> {
  const config = configOrExit();
  const log = createLog(config.logLevel);
  const pouchgate = await startPouchgate({ config, log, page: PAGE_DIRECTORY });
  // Before anybody is told that it runs: whoever hears of it may want it to stop.
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      log.warn({ signal }, 'Stopping at once.');
      process.exit(1);
    }
    stopping = true;
    log.info({ signal }, 'Stopping.');
    pouchgate.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'Stopping failed.');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  console.log(`Pouchgate is at ${pouchgate.url}`);
  console.log(`Databases replicate with ${pouchgate.url}/sync/${config.registry}`);
  if (pouchgate.metricsUrl !== undefined) console.log(`Prometheus asks ${pouchgate.metricsUrl}`);
  const demo = await createDemoUser(config, pouchgate.identity);
  if (demo !== undefined) console.log(`Sign in as ${demo.username} with the password ${demo.password}`);
}

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
