import { join } from 'node:path';
import pino from 'pino';
import { ConfigError, readConfig, type Config } from './config.ts';
import { startDemo } from './demo.ts';
import { startPouchgate } from './start.ts';

/** The built page, beside the sources: `vite build` puts it there. */
const PAGE = join(import.meta.dirname, '..', 'dist', 'client');

async function main(): Promise<void> {
  const config = configOrExit();
  const log = pino({
    level: config.logLevel,
    // Tokens and cookies are nobody's business, wherever in a logged object they stand.
    redact: [
      '*.authorization',
      '*.cookie',
      'req.headers.authorization',
      'req.headers.cookie',
      'err.request',
      '*.password',
    ],
  });
  const pouchgate = await startPouchgate({ config, log, page: PAGE });
  console.log(`Pouchgate is at ${pouchgate.url}`);
  console.log(`Databases replicate with ${pouchgate.url}/sync/${config.registry}`);
  const demo = await startDemo(config, pouchgate.identity);
  if (demo !== undefined) console.log(`Sign in as ${demo.username} with the password ${demo.password}`);

  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'Stopping.');
    pouchgate.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'Stopping failed.');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
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
