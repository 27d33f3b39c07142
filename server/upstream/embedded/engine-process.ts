import { join } from 'node:path';
import { startChildServer } from '../../lib/child-server.ts';
import type { UpstreamAccess } from '../client.ts';
import type { EmbeddedEngine } from './engine.ts';
import type { EmbeddedStorage } from './storage.ts';

/** The message of the engine's process once it has started. */
export interface EngineStarted {
  readonly access: UpstreamAccess;
  /** In base64. */
  readonly jwtSecret: string;
}

/**
 * Starts the embedded engine in a separate process, so that it does not delay this process's event loop. It
 * listens on a free port of 127.0.0.1, and exits with this process.
 *
 * @param storage - In memory, or a directory that no other process uses.
 * @returns The engine's URL and credentials, and the function that closes it.
 * @throws An `Error` with a message for the operator if the directory cannot be used.
 */
export async function startEngineProcess(storage: EmbeddedStorage): Promise<EmbeddedEngine> {
  const { started, close } = await startChildServer<EngineStarted>({
    program: join(import.meta.dirname, 'engine-process-main'),
    args: [JSON.stringify(storage)],
    name: 'The embedded engine',
  });
  return { access: started.access, jwtSecret: Buffer.from(started.jwtSecret, 'base64'), close };
}
