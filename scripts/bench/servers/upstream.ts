import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { connect, type UpstreamAccess } from '../../../server/upstream/client.ts';
import { setUp } from '../../../server/upstream/schema/apply-schema.ts';
import { createAdmin } from './admin-client.ts';
import { callsTo } from '../load/ipc-calls.ts';
import { startWorker } from './child-process.ts';
import type { EngineWork } from './engine.ts';
import { listenerOn } from '../report/process-stats.ts';

/** The database that a benchmark runs on, with the registry set up under a name of its own. */
export interface BenchUpstream {
  readonly kind: 'embedded' | 'couchdb';
  readonly version: string;
  readonly access: UpstreamAccess;
  readonly port: number;
  readonly registry: string;
  /** Its process; undefined when that is on another machine, or not to be seen. */
  readonly pid: number | undefined;
  /** How many requests it has had; what this asks itself is not counted. Undefined when it does not say. */
  requests(): Promise<number | undefined>;
  /** Deletes what was made in it. */
  close(): Promise<void>;
}

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
}

const isLoopback = (host: string): boolean => host === 'localhost' || /^(127\.[\d.]+|\[::1\])$/.test(host);

const welcomeSchema = z.object({ version: z.string() });

/** The sessions' database of a gate whose registry this is: somebody else's sessions are not touched. */
export const sessionsOf = (registry: string): string => `${registry}_sessions`;

/** The CouchDB of `COUCHDB_URL`, or an embedded engine in a process of its own. */
export async function startUpstream(env: Readonly<Record<string, string | undefined>>): Promise<BenchUpstream> {
  const registry = `bench_${randomBytes(6).toString('hex')}`;
  const { COUCHDB_URL: url = '', COUCHDB_USER: username = '', COUCHDB_PASSWORD: password = '' } = env;
  return url === '' ? startEngine(registry) : useCouch({ url: url.replace(/\/+$/, ''), username, password }, registry);
}

async function startEngine(registry: string): Promise<BenchUpstream> {
  const { child } = await startWorker({ script: 'scripts/bench/servers/engine.ts' });
  const call = callsTo<EngineWork>(child.process);
  const access = await call('access', undefined as never);
  await setUp({ couch: connect(access), registry, sessions: sessionsOf(registry) });
  return {
    kind: 'embedded',
    version: 'in memory',
    access,
    port: portOf(access.url),
    registry,
    pid: child.pid,
    requests: () => call('requests', undefined as never),
    close: () => child.kill(),
  };
}

async function useCouch(access: UpstreamAccess, registry: string): Promise<BenchUpstream> {
  const admin = createAdmin(access);
  const welcome = await admin('GET', '/').catch((error: unknown) => {
    throw new UpstreamError(`COUCHDB_URL does not answer (${error instanceof Error ? error.message : String(error)}).`);
  });
  const { hostname } = new URL(access.url);
  const port = portOf(access.url);
  const upstream: BenchUpstream = {
    kind: 'couchdb',
    version: welcomeSchema.safeParse(welcome.body).data?.version ?? 'unknown',
    access,
    port,
    registry,
    pid: isLoopback(hostname) ? await listenerOn(port) : undefined,
    requests: countRequests(admin),
    async close() {
      await admin('DELETE', `/${registry}`);
      await admin('DELETE', `/${sessionsOf(registry)}`);
    },
  };
  try {
    await setUp({ couch: connect(access), registry, sessions: sessionsOf(registry) });
  } catch (error) {
    await upstream.close().catch(() => undefined);
    throw error;
  }
  return upstream;
}

const statsSchema = z.object({ value: z.number() });

/** https://docs.couchdb.org/en/stable/api/server/common.html#node-node-name-stats */
function countRequests(admin: ReturnType<typeof createAdmin>): BenchUpstream['requests'] {
  let own = 0;
  return async () => {
    own += 1;
    const answer = await admin('GET', '/_node/_local/_stats/couchdb/httpd/requests').catch(() => undefined);
    const value = statsSchema.safeParse(answer?.body).data?.value;
    return value === undefined ? undefined : value - own;
  };
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
