import { scaleMs } from '../../couchdb-design/testing/patience.ts';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { once } from 'node:events';
import { createServer } from 'node:http';
import net from 'node:net';
import express from 'express';
import pino from 'pino';
import { userDocumentId } from '../../couchdb-design/user-document/user-document.ts';
import { readConfig, type Config } from '../config/config.ts';
import { connect, openUpstream, type UpstreamAccess } from '../upstream/client.ts';
import { applySchema } from '../upstream/schema/apply-schema.ts';
import { startTestUpstream, type TestUpstream } from './test-database.ts';
import { TEST_PASSWORD_ITERATIONS } from './memory-engine.ts';
import { createIdentity, type Identity, type IdentityOptions } from '../identity/identity.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../http/rate-limits.ts';

/** Fixtures of the identity tests: a real upstream, the real routes, real sockets. */

export const TEST_SECRET = 'a secret for tests, and for nothing else at all';

/** Returns the configuration of a gate on this upstream. `env` overrides its variables. */
export const testConfig = (upstream: TestUpstream, env: Record<string, string> = {}): Config =>
  readConfig({ ...upstream.env(), JWT_SECRET: TEST_SECRET, JWT_LEEWAY_SECONDS: '0', ...env });

/** Starts a new upstream with the databases and design documents of a gate. */
export async function startConfiguredUpstream(): Promise<TestUpstream> {
  const upstream = await startTestUpstream();
  await applySchema({ couch: connect(upstream.access), ...upstream.names });
  return upstream;
}

const TEST_RATE_LIMITS = Object.fromEntries(
  Object.keys(DEFAULT_RATE_LIMITS).map((name) => [name, { windowMs: 60_000, limit: 1_000 }]),
) as unknown as RateLimits;

/** Returns rate limits that no test reaches by accident, with these overrides. */
export const rateLimitsWith = (limits: Partial<RateLimits> = {}): RateLimits => ({ ...TEST_RATE_LIMITS, ...limits });

export interface TestIdentityServer {
  readonly identity: Identity;
  /** URL of the sign-in routes, without a trailing slash. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the identity module of one gate with its routes on a free port. Resolves once its access monitor is connected. */
export async function startIdentityServer(
  engine: TestUpstream,
  options: Partial<IdentityOptions> & { readonly access?: UpstreamAccess; readonly trustProxy?: boolean } = {},
): Promise<TestIdentityServer> {
  const { access = engine.nextAccess(), trustProxy = false, ...identityOptions } = options;
  const upstream = openUpstream(access);
  const identity = await createIdentity({
    config: testConfig(engine),
    idOf: userDocumentId,
    upstream,
    onRegistered: () => Promise.resolve(),
    log: pino({ level: 'silent' }),
    rateLimits: rateLimitsWith(),
    heartbeat: scaleMs(500),
    ...(engine.kind === 'embedded' ? { passwordWork: TEST_PASSWORD_ITERATIONS } : {}),
    ...identityOptions,
  });
  const app = express();
  app.set('trust proxy', trustProxy);
  app.use('/api/auth', identity.router);
  const server = createServer(app);
  const port = await listenOnFreePort(server);
  await identity.accessMonitor.whenConnected();
  return closeAfterTests({
    identity,
    url: `http://127.0.0.1:${port}/api/auth`,
    close: async () => {
      identity.close();
      await upstream.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Listens on a free loopback port and resolves with it. */
export async function listenOnFreePort(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export interface TcpProxy {
  /** Access to the upstream through the proxy. */
  readonly access: UpstreamAccess;
  /** Closes every connection, and each new one, until `restore`. */
  disconnect(): void;
  restore(): void;
  close(): Promise<void>;
}

/** Starts a TCP proxy to the upstream that can disconnect. */
export async function startTcpProxy(access: UpstreamAccess): Promise<TcpProxy> {
  const sockets = new Set<net.Socket>();
  let isDisconnected = false;
  const trackSocket = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = net.createServer((clientSocket) => {
    trackSocket(clientSocket);
    if (isDisconnected) {
      clientSocket.destroy();
      return;
    }
    const { hostname, port } = new URL(access.url);
    const upstreamSocket = net.connect(Number(port), hostname);
    trackSocket(upstreamSocket);
    clientSocket.pipe(upstreamSocket).pipe(clientSocket);
    clientSocket.on('close', () => upstreamSocket.destroy());
    upstreamSocket.on('close', () => clientSocket.destroy());
  });
  const port = await listenOnFreePort(server);
  return closeAfterTests({
    access: { ...access, url: `http://127.0.0.1:${port}` },
    disconnect: () => {
      isDisconnected = true;
      destroyAll();
    },
    restore: () => {
      isDisconnected = false;
    },
    close: async () => {
      destroyAll();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
