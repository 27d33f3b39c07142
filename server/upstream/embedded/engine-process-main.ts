/** The process of `startEngineProcess`. Its argument is the storage, in JSON. */
import { serveParent } from '../../lib/serve-parent.ts';
import type { EmbeddedStorage } from './engine.ts';
import type { EngineStarted } from './engine-process.ts';
import { loadEmbeddedEngine } from './load.ts';

await serveParent<EngineStarted>(async () => {
  const { startEmbeddedEngine } = await loadEmbeddedEngine();
  const engine = await startEmbeddedEngine({ storage: JSON.parse(process.argv[2] ?? '') as EmbeddedStorage });
  return {
    started: { access: engine.access, jwtSecret: engine.jwtSecret.toString('base64') },
    close: () => engine.close(),
  };
}).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
