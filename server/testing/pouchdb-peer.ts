import { randomBytes } from 'node:crypto';
import PouchDB from 'pouchdb-core';
// Plugs http, replication and memory into PouchDB; replication can be plugged in only once in a process.
import '../upstream/embedded/pouchdb.ts';
import { eventually } from './fake-couchdb.ts';

/** What tests of the gate with a real PouchDB share: one that nobody adapted, on a memory adapter, over real sockets. */

/** A user document's members, as far as tests look at them. */
export interface Content {
  readonly preferences: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

export type Pouch = PouchDB.Database<Content>;
export type Sync = PouchDB.Replication.Sync<Content>;

export interface Peer {
  readonly local: Pouch;
  readonly remote: Pouch;
  /** Every request that was sent, `METHOD path?query` below the database's URL, the oldest first. */
  readonly requests: readonly string[];
  /** The answers' statuses, in the order in which they came. */
  readonly responses: readonly { readonly request: string; readonly status: number }[];
  /** How many requests are under way: sent, and not yet answered. */
  readonly inFlightCount: () => number;
  /** The replicas' syncs end with the peer. */
  sync(options?: PouchDB.Replication.SyncOptions): Sync;
  /** What `sync` has said: `denied`, `error`, `paused` …, with what came along. */
  readonly events: readonly { readonly name: string; readonly value: unknown }[];
  close(): Promise<void>;
}

export interface PeerOptions {
  readonly database: string;
  readonly token: () => string;
  readonly skipSetup?: boolean;
}

/** Short waits, since a test is no person; PouchDB's own begin at up to two seconds and double. In ms. */
export const SHORT_BACKOFF = { back_off_function: () => 100 } as const;

/** The token goes into `fetch`, PouchDB's only hook for it. */
export function createPeer({ database, token, skipSetup = true }: PeerOptions): Peer {
  const requests: string[] = [];
  const responses: { request: string; status: number }[] = [];
  const events: { name: string; value: unknown }[] = [];
  const syncs: Sync[] = [];
  let inFlight = 0;
  const local: Pouch = new PouchDB(`peer-${randomBytes(8).toString('hex')}`, { adapter: 'memory' });
  const remote: Pouch = new PouchDB(database, {
    adapter: 'http',
    skip_setup: skipSetup,
    fetch: async (url, options = {}) => {
      const address = typeof url === 'string' ? url : url.url;
      const request = `${options.method ?? 'GET'} ${address.replace(database, '')}`;
      requests.push(request);
      (options.headers as Headers).set('authorization', `Bearer ${token()}`);
      inFlight += 1;
      try {
        const response = await PouchDB.fetch(url, options);
        responses.push({ request, status: response.status });
        return response;
      } catch (error) {
        // PouchDB asks for this beside its work and handles no failure of it: Node would end the process.
        if (request === 'GET /') return new Response('{}');
        throw error;
      } finally {
        inFlight -= 1;
      }
    },
  });
  return {
    local,
    remote,
    requests,
    responses,
    events,
    inFlightCount: () => inFlight,
    sync(options = {}) {
      const sync = PouchDB.sync<Content>(local, remote, { live: true, retry: true, ...options });
      syncs.push(sync);
      for (const name of ['denied', 'error', 'paused'] as const) {
        void sync.on(name, (value) => events.push({ name, value }));
      }
      void sync.on('active', () => events.push({ name: 'active', value: undefined }));
      // An `error` event is also a rejection.
      sync.catch(() => undefined);
      return sync;
    },
    async close() {
      for (const sync of syncs) sync.cancel();
      await local.destroy();
      await remote.close();
    },
  };
}

/** Resolves once a live sync waits: a longpoll is open, and nothing else has been asked for some rounds of waiting. */
export async function waitForIdle(peer: Peer): Promise<void> {
  let [seen, rounds] = [0, 0];
  await eventually(() => {
    const { requests } = peer;
    const waits = peer.inFlightCount() === 0 && requests.some((request) => request.includes('feed=longpoll'));
    rounds = waits && requests.length === seen ? rounds + 1 : 0;
    seen = requests.length;
    return rounds > 10;
  });
}

/** The document's preference in a replica; undefined also when there is no document yet. */
export async function readPreference(pouch: Pouch, id: string, key: string): Promise<unknown> {
  try {
    return (await pouch.get(id)).preferences[key];
  } catch (error) {
    if (typeof error === 'object' && error !== null && Reflect.get(error, 'status') === 404) return undefined;
    throw error;
  }
}

/** Edits preferences in a replica as any app would; returns the new revision. */
export async function editPreferences(
  pouch: Pouch,
  id: string,
  preferences: object,
  more: object = {},
): Promise<string> {
  const document = await pouch.get(id);
  const edited = { ...document, ...more, preferences: { ...document.preferences, ...preferences } };
  return (await pouch.put(edited)).rev;
}
