/** Clients of the real library behind a proxy, which are closed together. */
import { createPreferencesStore, type PreferencesStore } from '../../../../client/index.ts';
import { createPreferencesStream, type PreferencesStream } from '../../../../client/stream.ts';
import { createInMemoryBrowser } from '../../testing/test-server.ts';
import type { Gates } from './gates.ts';
import type { Path } from './paths.ts';

export interface Clients {
  readonly openStore: (path: Path, username: string) => PreferencesStore;
  readonly openStream: (path: Path, username: string) => PreferencesStream;
  /** Sends a JSON merge patch to the REST interface. */
  readonly patch: (path: Path, username: string, body: object) => Promise<Response>;
  readonly close: () => Promise<void>;
}

export function createClients(gates: Pick<Gates, 'registry' | 'token'>): Clients {
  const open: { readonly close: () => unknown }[] = [];
  const getToken = (username: string) => () => Promise.resolve(gates.token(username));
  const closeLater = <C extends { readonly close: () => unknown }>(client: C): C => {
    open.push(client);
    return client;
  };
  return {
    openStore: (path, username) =>
      closeLater(
        createPreferencesStore({
          url: `${path.url}/sync/${gates.registry}`,
          username,
          getToken: getToken(username),
          openDatabase: createInMemoryBrowser(),
          environment: { fetch: path.fetch, storage: {}, isVisible: () => true },
        }),
      ),
    openStream: (path, username) =>
      closeLater(
        createPreferencesStream({
          url: `${path.url}/api/users/preferences/stream`,
          username,
          getToken: getToken(username),
          environment: { fetch: path.fetch },
        }),
      ),
    patch: (path, username, body) =>
      path.fetch(`${path.url}/api/users/preferences`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${gates.token(username)}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    close: async () => {
      await Promise.all(open.splice(0).map(({ close }) => close()));
    },
  };
}
