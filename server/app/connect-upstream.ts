import type { Agent } from 'node:http';
import { join } from 'node:path';
import { upstreamLabel } from '../observability/upstream-label.ts';
import { openUpstream, type Upstream, type UpstreamAccess } from '../upstream/client.ts';
import { startEngineProcess } from '../upstream/embedded/engine-process.ts';
import { createForwardAgent } from '../upstream/forward-agent.ts';
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
  log,
  observability,
  now,
  engine,
  cleanups,
}: Pick<
  StartContext,
  'config' | 'log' | 'observability' | 'now' | 'engine' | 'cleanups'
>): Promise<UpstreamConnection> {
  const { access, jwtSecret, docIdsThreshold } = await startUpstream({ config, log, engine, cleanups });
  const upstream = openUpstream(access, {
    onResponse: (request, status) => observability.metrics.onUpstreamResponse(upstreamLabel(request, config), status),
    clock: { now, onEstimate: observability.clocks.onEstimate },
  });
  cleanups.add(() => upstream.close());
  const forwardAgent = createForwardAgent(access.url);
  cleanups.add(() => forwardAgent.destroy());
  return { upstream, forwardAgent, jwtSecret, docIdsThreshold };
}

async function startUpstream({
  config: { upstream },
  log,
  engine: runningEngine,
  cleanups,
}: Pick<StartContext, 'config' | 'log' | 'engine' | 'cleanups'>): Promise<
  Pick<UpstreamConnection, 'jwtSecret' | 'docIdsThreshold'> & { readonly access: UpstreamAccess }
> {
  if (upstream.kind === 'couchdb') return upstream;
  if (runningEngine !== undefined) return runningEngine;
  const engine = await startEngineProcess({
    directory: join(upstream.dataDirectory, 'couch'),
    onFailure: (sentence) => log.error(sentence),
  });
  cleanups.add(() => engine.close());
  return engine;
}
