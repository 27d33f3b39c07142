import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { connect, type UpstreamAccess } from '../../../server/upstream/client.ts';
import { applySchema } from '../../../server/upstream/schema/apply-schema.ts';
import { createAdminClient } from './admin-client.ts';
import { createIpcCall } from '../load/ipc-calls.ts';
import { startWorker } from './child-process.ts';
import type { EngineMethods } from './engine.ts';
import { findListener } from '../report/process-stats.ts';

/** The database that a benchmark runs on, with a registry of a unique name. */
export interface BenchUpstream {
  readonly kind: 'embedded' | 'couchdb';
  readonly version: string;
  readonly access: UpstreamAccess;
  readonly port: number;
  readonly registry: string;
  /** Process id; undefined if the process runs on another machine or is not visible. */
  readonly pid: number | undefined;
  /** Resolves with the requests received so far, without those of this method, or `undefined` if unknown. */
  requestCount(): Promise<number | undefined>;
  /** Deletes the databases that the benchmark created. */
  close(): Promise<void>;
}

/** The database of `COUCHDB_URL` cannot be reached. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
}

const isLoopback = (host: string): boolean => host === 'localhost' || /^(127\.[\d.]+|\[::1\])$/.test(host);

const welcomeSchema = z.object({ version: z.string() });

/** Returns the sessions database for this registry. A separate one, so that no existing sessions are touched. */
export const sessionsDatabaseName = (registry: string): string => `${registry}_sessions`;

/**
 * Connects to the CouchDB of `COUCHDB_URL`, or starts an embedded engine in its own process. Creates the registry.
 *
 * @throws UpstreamError if `COUCHDB_URL` cannot be reached.
 */
export async function startUpstream(env: Readonly<Record<string, string | undefined>>): Promise<BenchUpstream> {
  const registry = `bench_${randomBytes(6).toString('hex')}`;
  const { COUCHDB_URL: url = '', COUCHDB_USER: username = '', COUCHDB_PASSWORD: password = '' } = env;
  return url === ''
    ? startEngine(registry)
    : connectCouchdb({ url: url.replace(/\/+$/, ''), username, password }, registry);
}

async function startEngine(registry: string): Promise<BenchUpstream> {
  const { child } = await startWorker({ script: 'scripts/bench/servers/engine.ts' });
  const call = createIpcCall<EngineMethods>(child.process);
  const access = await call('access', undefined as never);
  await applySchema({ couch: connect(access), registry, sessions: sessionsDatabaseName(registry) });
  return {
    kind: 'embedded',
    version: 'in memory',
    access,
    port: getPort(access.url),
    registry,
    pid: child.pid,
    requestCount: () => call('requests', undefined as never),
    close: () => child.kill(),
  };
}

async function connectCouchdb(access: UpstreamAccess, registry: string): Promise<BenchUpstream> {
  const admin = createAdminClient(access);
  const welcome = await admin('GET', '/').catch((error: unknown) => {
    throw new UpstreamError(`Could not reach COUCHDB_URL (${error instanceof Error ? error.message : String(error)}).`);
  });
  const { hostname } = new URL(access.url);
  const port = getPort(access.url);
  const upstream: BenchUpstream = {
    kind: 'couchdb',
    version: welcomeSchema.safeParse(welcome.body).data?.version ?? 'unknown',
    access,
    port,
    registry,
    pid: isLoopback(hostname) ? await findListener(port) : undefined,
    requestCount: createRequestCounter(admin),
    async close() {
      await admin('DELETE', `/${registry}`);
      await admin('DELETE', `/${sessionsDatabaseName(registry)}`);
    },
  };
  try {
    await applySchema({ couch: connect(access), registry, sessions: sessionsDatabaseName(registry) });
  } catch (error) {
    await upstream.close().catch(() => undefined);
    throw error;
  }
  return upstream;
}

const statsSchema = z.object({ value: z.number() });

/** https://docs.couchdb.org/en/stable/api/server/common.html#node-node-name-stats */
function createRequestCounter(admin: ReturnType<typeof createAdminClient>): BenchUpstream['requestCount'] {
  let ownRequests = 0;
  return async () => {
    ownRequests += 1;
    const response = await admin('GET', '/_node/_local/_stats/couchdb/httpd/requests').catch(() => undefined);
    const value = statsSchema.safeParse(response?.body).data?.value;
    return value === undefined ? undefined : value - ownRequests;
  };
}

function getPort(url: string): number {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
