/** The gate in an application of its own, on the upstream of the tests. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { z } from 'zod';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { createPouchgate, type MountedPouchgate, type OwnPreferences } from '../../../server/index.ts';
import type { TestUpstream } from '../../../server/testing/test-database.ts';

export interface MountedGate {
  readonly url: string;
  /** The URL that stores and PouchDB replicate with. The bearer token of a user is the username. */
  readonly registryUrl: string;
  readonly pouchgate: MountedPouchgate<object>;
  readonly close: () => Promise<void>;
}

/** Starts the application. Default: with the built-in preferences. */
export async function mountGate(
  { access, names: { registry, sessions } }: Pick<TestUpstream, 'access' | 'names'>,
  preferences?: OwnPreferences<z.ZodObject>,
): Promise<MountedGate> {
  const options = {
    couchdb: access,
    authenticate: (req: express.Request) => ({
      username: (req.get('authorization') ?? '').slice('Bearer '.length),
      expiresAt: Date.now() + 3_600_000,
    }),
    registry,
    sessions,
  };
  const pouchgate = await (preferences === undefined
    ? createPouchgate(options)
    : createPouchgate({ ...options, preferences }));
  const server = express().use(pouchgate.router).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return closeAfterTests({
    url,
    registryUrl: `${url}/sync/${registry}`,
    pouchgate,
    close: async () => {
      await pouchgate.close();
      server.close();
      server.closeAllConnections();
    },
  });
}
