import { randomBytes } from 'node:crypto';
import { startEmbeddedEngine } from '../../../server/upstream/embedded/engine.ts';
import { serveParent } from '../load/ipc-calls.ts';

/** The embedded engine, in memory and in its own process, so that its CPU time is measured apart from the gate's. */
let requests = 0;
const engine = await startEmbeddedEngine({
  storage: { kind: 'memory', name: `bench-${randomBytes(8).toString('hex')}` },
  onRequest: () => (requests += 1),
});

const methods = {
  access: () => Promise.resolve(engine.access),
  /** Requests received so far. */
  requests: () => Promise.resolve(requests),
};
export type EngineMethods = typeof methods;
serveParent(methods);
