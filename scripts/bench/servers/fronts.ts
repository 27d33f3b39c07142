import { join, resolve } from 'node:path';
import { z } from 'zod';
import { authorizationOf } from '../../../server/upstream/client.ts';
import { startProgram, startWorker, type Child } from './child-process.ts';
import { findFreePort } from '../../../server/testing/free-port.ts';
import type { Endpoint } from '../load/live-client.ts';
import { sessionsDatabaseName, type BenchUpstream } from './upstream.ts';

/** A server between the clients and the database: the gate, or one of the proxies it is compared with. */
export interface Front {
  readonly child: Child;
  readonly endpoint: Endpoint;
  /** Without a trailing slash. */
  readonly url: string;
}

export interface Gate extends Front {
  /** Resolves with the metrics in Prometheus text format, or with `undefined` if they are not available. */
  metrics(): Promise<string | undefined>;
}

export interface GatePorts {
  readonly port: number;
  readonly metricsPort: number;
}

/** Finds two free ports, so that a restarted gate can listen on the same ones. */
export const allocateGatePorts = async (): Promise<GatePorts> => ({
  port: await findFreePort(),
  metricsPort: await findFreePort(),
});

const addressSchema = z.object({ port: z.number() });

/** Starts the gate as in production, in its own process. `profile` is a directory for its CPU profile. */
export async function startGate(
  upstream: BenchUpstream,
  secret: string,
  { port, metricsPort }: GatePorts,
  profile?: string,
): Promise<Gate> {
  const { url, username, password } = upstream.access;
  const { child } = await startProgram(
    {
      script: join('server', 'main.ts'),
      nodeOptions: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`],
      env: {
        PORT: String(port),
        METRICS_PORT: String(metricsPort),
        COUCHDB_URL: url,
        COUCHDB_USER: username,
        COUCHDB_PASSWORD: password,
        REGISTRY_DB: upstream.registry,
        SESSIONS_DB: sessionsDatabaseName(upstream.registry),
        JWT_SECRET: secret,
        // The browsers of scenarios/browser.ts create an account.
        REGISTRATION: 'open',
        LOG_LEVEL: 'warn',
      },
    },
    (line) => (line.includes('Pouchgate is at') ? true : undefined),
  );
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    endpoint: { host: '127.0.0.1', port, path: `/sync/${upstream.registry}` },
    metrics: () =>
      fetch(`http://127.0.0.1:${metricsPort}/metrics`).then(
        (response) => (response.ok ? response.text() : undefined),
        () => undefined,
      ),
  };
}

/** Starts the rewriting proxy that live delivery is compared with. */
export const startPlainProxy = (upstream: BenchUpstream, secret: string): Promise<Front> =>
  startProxy('plain-proxy.ts', upstream, { JWT_SECRET: secret });

/** Starts the forwarding proxy that plain requests are compared with. */
export const startBareProxy = (upstream: BenchUpstream): Promise<Front> => startProxy('bare-proxy.ts', upstream, {});

/** Starts the server of `node:http` alone that the reconnect storm is compared with. */
export const startParkingServer = (upstream: BenchUpstream, port: number): Promise<Front> =>
  startProxy('parking-server.ts', upstream, { PORT: String(port) });

/** Starts a server that refuses every request. */
export async function startRefusingServer(front: 'gate' | 'bare'): Promise<Front> {
  const script = join('scripts', 'bench', 'servers', 'refusing-server.ts');
  return asFront(await startWorker({ script, env: { FRONT: front } }), '');
}

async function startProxy(
  script: string,
  { access, registry }: BenchUpstream,
  env: Readonly<Record<string, string>>,
): Promise<Front> {
  const worker = await startWorker({
    script: join('scripts', 'bench', 'servers', script),
    env: { TARGET: access.url, AUTHORIZATION: authorizationOf(access), REGISTRY_DB: registry, ...env },
  });
  return asFront(worker, `/${registry}`);
}

function asFront({ child, readyMessage }: Awaited<ReturnType<typeof startWorker>>, path: string): Front {
  const { port } = addressSchema.parse(readyMessage);
  return { child, url: `http://127.0.0.1:${port}`, endpoint: { host: '127.0.0.1', port, path } };
}
