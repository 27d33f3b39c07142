import { randomBytes } from 'node:crypto';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';
import {
  createPeer,
  editPreferences,
  readPreference,
  SHORT_BACKOFF,
  type Peer,
} from '../../../../server/testing/pouchdb-peer.ts';
import { startSseClient, type SseClient } from '../../../../server/testing/sse-client.ts';

/** A gate that is mounted in a server. */
export interface ExercisedGate {
  /** The server's origin and the gate's base. */
  readonly url: string;
  /** The name of the database below `url/sync`. */
  readonly registry: string;
  readonly username: string;
  /** The bearer token that authenticates the user. */
  readonly token: string;
}

/** What stays live once a gate was exercised. */
export interface ExercisedClients {
  readonly stream: SseClient;
  readonly peers: readonly Peer[];
}

const headersOf = ({ token }: ExercisedGate): Record<string, string> => ({ authorization: `Bearer ${token}` });

/** Sends a JSON merge patch; resolves with the response. */
export const patchPreferences = (gate: ExercisedGate, patch: object): Promise<Response> =>
  fetch(`${gate.url}/api/users/preferences`, {
    method: 'PATCH',
    headers: { ...headersOf(gate), 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify(patch),
  });

/**
 * Uses a gate as a deployment does: two real PouchDBs that sync live, an event stream, and edits over REST. Each change
 * reaches all others. Resolves with the clients, which are still live.
 */
export async function exerciseGate(gate: ExercisedGate): Promise<ExercisedClients> {
  const id = `user_${gate.username}`;
  const database = `${gate.url}/sync/${gate.registry}`;
  const stream = startSseClient({ url: gate.url, headers: headersOf(gate) });
  const peers = [1, 2].map(() => createPeer({ database, token: () => gate.token }));
  for (const peer of peers) void peer.sync(SHORT_BACKOFF);
  const hasValue = async (key: string, value: string): Promise<void> => {
    await Promise.all(
      peers.map(({ local }) => eventually(async () => (await readPreference(local, id, key)) === value)),
    );
    await stream.waitForEvent(({ data }) => JSON.stringify(data).includes(`"${key}":"${value}"`));
  };

  expect((await patchPreferences(gate, { theme: 'dark' })).status).toBe(200);
  await hasValue('theme', 'dark');
  const [first] = peers;
  if (first !== undefined) await editPreferences(first.local, id, { viewMode: 'graph' });
  await hasValue('viewMode', 'graph');
  const put = await fetch(`${gate.url}/api/users/preferences/theme`, {
    method: 'PUT',
    headers: { ...headersOf(gate), 'content-type': 'application/json' },
    body: '"light"',
  });
  expect(put.status).toBe(200);
  await hasValue('theme', 'light');

  const get = await fetch(`${gate.url}/api/users/preferences`, { headers: headersOf(gate) });
  const notModified = await fetch(`${gate.url}/api/users/preferences`, {
    headers: { ...headersOf(gate), 'if-none-match': get.headers.get('etag') ?? '' },
  });
  expect([get.status, notModified.status]).toEqual([200, 304]);
  return { stream, peers };
}

/** Returns a registry name that no other gate uses. */
export const newRegistryName = (): string => `user_registry_${randomBytes(6).toString('hex')}`;
