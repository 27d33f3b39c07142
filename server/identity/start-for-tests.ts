import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import net from 'node:net';
import express from 'express';
import { readConfig, SESSIONS_DB, type Config } from '../config.ts';
import { connect, openUpstream, type UpstreamAccess } from '../upstream/couch.ts';
import { startEmbeddedEngine } from '../upstream/embedded.ts';
import { setUp } from '../upstream/set-up.ts';
import { createIdentity, type Identity, type IdentityOptions } from './identity.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from './rate-limits.ts';

/** What the tests of this folder share: the real engine in memory, the real routes, real sockets. */

export const SECRET = 'a secret for tests, and for nothing else at all';

export const testConfig = (env: Record<string, string> = {}): Config => readConfig({ JWT_SECRET: SECRET, ...env });

/** An engine of its own, with everything in place. */
export async function startEngine(): Promise<{ access: UpstreamAccess; close: () => Promise<void> }> {
  const engine = await startEmbeddedEngine({
    storage: { kind: 'memory', name: `identity-${randomBytes(6).toString('hex')}` },
  });
  await setUp({ couch: connect(engine.access), registry: 'user_registry', sessions: SESSIONS_DB });
  return engine;
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
export async function startGate(access: UpstreamAccess, options: Partial<IdentityOptions> = {}): Promise<TestGate> {
  const upstream = openUpstream(access);
  const identity = await createIdentity({
    config: testConfig(),
    upstream,
    onRegistered: () => Promise.resolve(),
    log: { error: () => undefined },
    rateLimits: limitsWith(),
    heartbeat: 500,
    ...options,
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
    const far = net.connect(Number(new URL(access.url).port), '127.0.0.1');
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
