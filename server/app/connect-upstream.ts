import type { Agent } from 'node:http';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { upstreamLabel } from '../observability/upstream-label.ts';
import { openUpstream, type Upstream, type UpstreamAccess } from '../upstream/client.ts';
import { loadEmbeddedEngine } from '../upstream/embedded/load.ts';
import { createForwardAgent } from '../upstream/forward.ts';
import type { CleanupStack } from './cleanup-stack.ts';
import type { StartContext } from './start-context.ts';

export interface UpstreamConnection {
  readonly upstream: Upstream;
  /** The connection pool of forwarded requests. */
  readonly forwardAgent: Agent;
  /** Without it, users' requests are sent as the service account. */
  readonly jwtSecret: Buffer | undefined;
  /** The configured number of ids that CouchDB looks up by id; undefined: the default of its version. */
  readonly docIdsThreshold?: number | undefined;
}

/** Opens the connection pools of the configured CouchDB, or of an embedded engine that it starts. */
export async function connectUpstream({
  config,
  observability,
  cleanups,
}: Pick<StartContext, 'config' | 'observability' | 'cleanups'>): Promise<UpstreamConnection> {
  const { access, jwtSecret, docIdsThreshold } = await startUpstream(config, cleanups);
  const upstream = openUpstream(access, {
    onResponse: (request, status) => observability.metrics.onUpstreamResponse(upstreamLabel(request, config), status),
  });
  cleanups.add(() => upstream.close());
  const forwardAgent = createForwardAgent(access.url);
  cleanups.add(() => forwardAgent.destroy());
  return { upstream, forwardAgent, jwtSecret, docIdsThreshold };
}

async function startUpstream(
  { upstream }: Config,
  cleanups: CleanupStack,
): Promise<Pick<UpstreamConnection, 'jwtSecret' | 'docIdsThreshold'> & { readonly access: UpstreamAccess }> {
  if (upstream.kind === 'couchdb') return upstream;
  const { startEmbeddedEngine } = await loadEmbeddedEngine();
  const engine = await startEmbeddedEngine({
    storage: { kind: 'disk', directory: join(upstream.dataDirectory, 'couch') },
  });
  cleanups.add(() => engine.close());
  return engine;
}
