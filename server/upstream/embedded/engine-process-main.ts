/** The process of `startEngineProcess`. Its argument is an `EngineArguments` in JSON, its secrets are in the environment. */
import pRetry from 'p-retry';
import { serveParent } from '../../lib/serve-parent.ts';
import { errorMessage } from '../setup-error.ts';
import type { EngineArguments, EngineStarted } from './engine-process.ts';
import { isDirectoryInUse, loadEmbeddedEngine } from './load.ts';

/** The engine of a server that was killed needs a moment to close its files. 1.5 s in total. */
const LOCK_RETRIES = { retries: 15, minTimeout: 100, factor: 1 } as const;

const { ENGINE_PASSWORD: password = '', ENGINE_JWT_SECRET: jwtSecret = '' } = process.env;

await serveParent<EngineStarted>(async () => {
  const { startEmbeddedEngine } = await loadEmbeddedEngine();
  const { directory, port } = JSON.parse(process.argv[2] ?? '') as EngineArguments;
  const start = (): ReturnType<typeof startEmbeddedEngine> =>
    startEmbeddedEngine({
      storage: { kind: 'disk', directory },
      port,
      secrets: { password, jwtSecret: Buffer.from(jwtSecret, 'base64') },
    });
  const engine = await pRetry(start, {
    ...LOCK_RETRIES,
    shouldRetry: ({ error }) => isDirectoryInUse(errorMessage(error)),
  });
  const { url, username } = engine.access;
  return { started: { url, username }, close: () => engine.close() };
}).catch((error: unknown) => {
  console.error(errorMessage(error));
  process.exit(1);
});
