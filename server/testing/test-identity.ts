import { once } from 'node:events';
import { createServer } from 'node:http';
import net from 'node:net';
import express from 'express';
import { userDocumentId } from '../../couchdb-design/user-document/user-document.ts';
import { readConfig, type Config } from '../config/config.ts';
import { connect, openUpstream, type UpstreamAccess } from '../upstream/client.ts';
import { setUp } from '../upstream/schema/apply-schema.ts';
import { startUpstream, type TestUpstream } from './test-database.ts';
import { createIdentity, type Identity, type IdentityOptions } from '../identity/identity.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../http/rate-limits.ts';

/** What the tests of this folder share: a real upstream, the real routes, real sockets. */

export const SECRET = 'a secret for tests, and for nothing else at all';

export const testConfig = (upstream: TestUpstream, env: Record<string, string> = {}): Config =>
  readConfig({ ...upstream.env(), JWT_SECRET: SECRET, ...env });

/** An upstream of its own, with everything in place. */
export async function startEngine(): Promise<TestUpstream> {
  const upstream = await startUpstream();
  await setUp({ couch: connect(upstream.access), ...upstream.names });
  return upstream;
}

const TEST_LIMITS = Object.fromEntries(
  Object.keys(DEFAULT_RATE_LIMITS).map((name) => [name, { windowMs: 60_000, limit: 1_000 }]),
) as unknown as RateLimits;

/** Limits that no test meets by chance, but for those given. */
export const limitsWith = (limits: Partial<RateLimits> = {}): RateLimits => ({ ...TEST_LIMITS, ...limits });

export interface TestGate {
  readonly identity: Identity;
  /** Of the sign-in routes, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** One gate's identity module with its routes on a port of its own. News of ended rights arrive when this resolves. */
export async function startGate(
  engine: TestUpstream,
  options: Partial<IdentityOptions> & { readonly access?: UpstreamAccess } = {},
): Promise<TestGate> {
  const { access = engine.nextAccess(), ...more } = options;
  const upstream = openUpstream(access);
  const identity = await createIdentity({
    config: testConfig(engine),
    idOf: userDocumentId,
    upstream,
    onRegistered: () => Promise.resolve(),
    log: { error: () => undefined },
    rateLimits: limitsWith(),
    heartbeat: 500,
    ...more,
  });
  const app = express();
  app.use('/api/auth', identity.router);
  const server = createServer(app);
  const port = await listen(server);
  await identity.rights.whenUp();
  return {
    identity,
    url: `http://127.0.0.1:${port}/api/auth`,
    close: async () => {
      identity.close();
      await upstream.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Listens on a free loopback port, and resolves with it. */
export async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export interface Line {
  /** The upstream as seen through the line. */
  readonly access: UpstreamAccess;
  /** Breaks every connection, and each new one, until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** A line to the upstream that can be cut. */
export async function startLine(access: UpstreamAccess): Promise<Line> {
  const sockets = new Set<net.Socket>();
  let isCut = false;
  const keep = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = net.createServer((near) => {
    keep(near);
    if (isCut) {
      near.destroy();
      return;
    }
    const { hostname, port } = new URL(access.url);
    const far = net.connect(Number(port), hostname);
    keep(far);
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  const port = await listen(server);
  return {
    access: { ...access, url: `http://127.0.0.1:${port}` },
    cut: () => {
      isCut = true;
      breakAll();
    },
    mend: () => {
      isCut = false;
    },
    close: async () => {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
