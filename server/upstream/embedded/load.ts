import { errorMessage, SetupError } from '../setup-error.ts';
import type * as Engine from './engine.ts';

/**
 * Loads the embedded engine. Its packages are optional dependencies, so only this module imports it in product code, and
 * only when it is used.
 *
 * @param importEngine - For tests. Default: imports `engine.ts`.
 * @returns The engine's module.
 * @throws {SetupError} If a package is missing or its native code does not load. The message explains how to correct it.
 */
export async function loadEmbeddedEngine(
  importEngine: () => Promise<typeof Engine> = () => import('./engine.ts'),
): Promise<typeof Engine> {
  try {
    const engine = await importEngine();
    await engine.loadLevelDb();
    return engine;
  } catch (error) {
    const [reason] = errorMessage(error).split('\n');
    throw new SetupError(
      `The embedded engine cannot be loaded (${reason ?? ''}). Install its packages with "npm install --include=optional", or set COUCHDB_URL to use a CouchDB.`,
      { cause: error },
    );
  }
}

/** Whether an error's message says that another process has opened the data directory. LevelDB has no code for it. */
export const isDirectoryInUse = (message: string): boolean => /lock|resource temporarily unavailable/i.test(message);
