import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';
import { createPouchgate, type MountedPouchgate } from '../../../../server/index.ts';
import { startTestUpstream, type TestUpstream } from '../../../../server/testing/test-database.ts';
import { newRegistryName, type ExercisedGate } from './exercise-gate.ts';

/** Mounts a gate in a server; resolves with the server's origin. */
export type Mount = (pouchgate: MountedPouchgate) => Promise<string>;

/**
 * Starts an upstream for a test file, and fails each test in which an exception or a rejection is not handled: it would end
 * the process.
 *
 * @returns a function that creates a gate on the upstream. The bearer token of a user is the username.
 */
export function setUpGates(): (
  base?: string,
) => Promise<{ pouchgate: MountedPouchgate; gate: Omit<ExercisedGate, 'url'> }> {
  let upstream: TestUpstream | undefined;
  let users = 0;
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown): void => void uncaught.push(error);
  beforeAll(async () => {
    upstream = await startTestUpstream();
  });
  beforeEach(() => {
    uncaught.length = 0;
    process.on('unhandledRejection', onUncaught);
    process.on('uncaughtException', onUncaught);
  });
  afterEach(() => {
    process.off('unhandledRejection', onUncaught);
    process.off('uncaughtException', onUncaught);
    expect(uncaught).toEqual([]);
  });
  return async (base = '/prefs') => {
    if (upstream === undefined) throw new Error('The upstream has not started.');
    const registry = newRegistryName();
    const username = `user${(users += 1)}`;
    const pouchgate = await createPouchgate({
      couchdb: upstream.access,
      registry,
      base,
      authenticate: (req) => {
        const name = req.get('authorization')?.replace('Bearer ', '');
        return name === undefined ? undefined : { username: name, expiresAt: Date.now() + 3_600_000 };
      },
    });
    return { pouchgate: closeAfterTests(pouchgate), gate: { registry, username, token: username } };
  };
}

/** Makes a server listen; resolves with its origin. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeAfterTests({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Makes a Fastify application listen; resolves with its origin. */
export async function listenFastify(app: FastifyInstance): Promise<string> {
  await app.ready();
  return listen(app.server);
}
