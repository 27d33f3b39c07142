/** Two gates as processes on one database, which are restarted one after the other as docs/operations.md describes. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import jwt from 'jsonwebtoken';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';
import { findFreePort } from '../../../../server/testing/free-port.ts';
import { startTestUpstream } from '../../../../server/testing/test-database.ts';
import { startServerProcess } from '../../testing/server-process.ts';

export interface Gates {
  /** `127.0.0.1:<port>` */
  readonly addresses: readonly [string, string];
  /** The name of the database. */
  readonly registry: string;
  readonly token: (username: string) => string;
  /** Returns the stored preferences of a user. */
  readonly readStored: (username: string) => Promise<Readonly<Record<string, unknown>>>;
  /** Restarts one gate after the other, each once the previous one is ready again. */
  readonly restartOneByOne: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function startGates(leadSeconds: number): Promise<Gates> {
  const upstream = await startTestUpstream();
  const secret = randomBytes(32).toString('base64url');
  const ports = [await findFreePort(), await findFreePort()] as const;
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
    });
    await eventually(() => isReady(port));
    return child;
  };
  const children = await Promise.all(ports.map(start));
  return {
    addresses: [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`],
    registry: upstream.names.registry,
    token: (username) => jwt.sign({ sub: username }, secret, { expiresIn: 3_600 }),
    readStored: async (username) => {
      const document: unknown = await upstream.registry().get(`user_${username}`);
      return (document as { preferences: Record<string, unknown> }).preferences;
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
      }
    },
    close: async () => {
      for (const child of children) child.kill('SIGKILL');
      await upstream.close();
    },
  };
}
