import { randomBytes } from 'node:crypto';
import { startEmbeddedEngine, type EmbeddedEngine, type EmbeddedOptions } from '../upstream/embedded/engine.ts';

/** About half a millisecond of one core. The default costs tests a minute, and is tested where it is the subject. */
export const TEST_PASSWORD_ITERATIONS = 1_000;

/**
 * Starts an embedded engine in memory, where passwords cost little to hash.
 *
 * @param options - Overrides. By default the storage has a unique name.
 */
export const startMemoryEngine = (options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedEngine> =>
  startEmbeddedEngine({
    storage: { kind: 'memory', name: `test-${randomBytes(6).toString('hex')}` },
    passwordIterations: TEST_PASSWORD_ITERATIONS,
    ...options,
  });
