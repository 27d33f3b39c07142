/** Two gates as processes on one database, which are restarted one after the other as docs/operations.md describes. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import jwt from 'jsonwebtoken';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';
import { findFreePort } from '../../../../server/testing/free-port.ts';
import { startTestUpstream } from '../../../../server/testing/test-database.ts';
import { startServerProcess } from '../../testing/server-process.ts';
import type { Journal } from './journal.ts';

/** How long after `/readyz` responds with 200 the next gate is stopped, in ms: until the proxies' health checks have passed. */
const LOAD_BALANCER_LAG_MS = 5_000;

export interface Gates {
  /** `127.0.0.1:<port>` */
  readonly addresses: readonly [string, string];
  /** The name of the database. */
  readonly registry: string;
  /** `claims` are added to the token. */
  readonly token: (username: string, claims?: object) => string;
  /** Reads the preferences of a user from a gate, without a proxy. Open conflicts are merged. */
  readonly readPreferences: (username: string) => Promise<Readonly<Record<string, unknown>>>;
  /** Restarts one gate after the other, each once the proxies use the previous one again. */
  readonly restartOneByOne: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function startGates(leadSeconds: number, journal: Journal): Promise<Gates> {
  const upstream = await startTestUpstream();
  const secret = randomBytes(32).toString('base64url');
  const ports = [await findFreePort(), await findFreePort()] as const;
  const token = (username: string, claims: object = {}): string =>
    jwt.sign({ sub: username, ...claims }, secret, { expiresIn: 3_600 });
  const isReady = async (port: number): Promise<boolean> => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    } catch {
      return false;
    }
  };
  const start = async (port: number): Promise<ChildProcess> => {
    const child = await startServerProcess({
      ...upstream.env(),
      PORT: String(port),
      JWT_SECRET: secret,
      PUBLIC_URL: 'https://gate.example',
      DRAIN_LEAD_SECONDS: String(leadSeconds),
      DRAIN_SECONDS: '2',
      LOG_LEVEL: 'info',
    });
    child.stdout?.setEncoding('utf8').on('data', journal.recordLines(`gate ${port}`));
    await eventually(() => isReady(port));
    return child;
  };
  const children = await Promise.all(ports.map(start));
  const killAll = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  // No gate outlives this process, even if it exits early.
  process.once('exit', killAll);
  return {
    addresses: [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`],
    registry: upstream.names.registry,
    token,
    readPreferences: async (username) => {
      const headers = { authorization: `Bearer ${token(username)}` };
      const response = await fetch(`http://127.0.0.1:${ports[0]}/api/users/preferences`, { headers });
      return ((await response.json()) as { preferences: Record<string, unknown> }).preferences;
    },
    restartOneByOne: async () => {
      for (const [n, port] of ports.entries()) {
        const child = children[n];
        if (child !== undefined) {
          const exited = once(child, 'exit');
          child.kill('SIGTERM');
          await exited;
        }
        children[n] = await start(port);
        await delay(LOAD_BALANCER_LAG_MS);
      }
    },
    close: async () => {
      process.off('exit', killAll);
      killAll();
      await upstream.close();
    },
  };
}
