import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { randomBytes } from 'node:crypto';
import httpAdapter from 'pouchdb-adapter-http';
import PouchDB from 'pouchdb-core';
import replication from 'pouchdb-replication';
// Plugs memory into PouchDB.
import '../upstream/embedded/pouchdb.ts';
import { eventually } from './fake-couchdb.ts';

PouchDB.plugin(httpAdapter).plugin(replication);

/** A real, unmodified PouchDB for tests of the gate, with the memory adapter and over real sockets. */

/** The members of a user document that tests use. */
export interface Content {
  readonly preferences: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

export type Pouch = PouchDB.Database<Content>;
export type Sync = PouchDB.Replication.Sync<Content>;

export interface Peer {
  readonly local: Pouch;
  readonly remote: Pouch;
  /** Every request, as `METHOD path?query` relative to the database's URL, in order. */
  readonly requests: readonly string[];
  /** How many rows its `_bulk_docs` had in all. */
  readonly pushedRowCount: () => number;
  /** The responses' statuses, in order of arrival. */
  readonly responses: readonly { readonly request: string; readonly status: number }[];
  /** The number of requests without a response. */
  readonly inFlightCount: () => number;
  /** Starts a sync, which ends with the peer. */
  sync(options?: PouchDB.Replication.SyncOptions): Sync;
  /** The events that syncs emitted (`denied`, `error`, `paused` …), with their arguments. */
  readonly events: readonly { readonly name: string; readonly value: unknown }[];
  close(): Promise<void>;
}

export interface PeerOptions {
  readonly database: string;
  readonly token: () => string;
  readonly skipSetup?: boolean;
  /** How many revisions of a path the local database keeps. Default: PouchDB's, 1,000. */
  readonly revsLimit?: number;
}

/** Short delays for tests, in ms; PouchDB's own start at up to two seconds and double. */
export const SHORT_BACKOFF = { back_off_function: () => 100 } as const;

/** Creates a peer. The token is set in `fetch`, PouchDB's only hook for it. */
export function createPeer({ database, token, skipSetup = true, revsLimit = 1_000 }: PeerOptions): Peer {
  const requests: string[] = [];
  const responses: { request: string; status: number }[] = [];
  const events: { name: string; value: unknown }[] = [];
  const syncs: Sync[] = [];
  let [inFlight, pushedRows] = [0, 0];
  const local: Pouch = new PouchDB(`peer-${randomBytes(8).toString('hex')}`, {
    adapter: 'memory',
    revs_limit: revsLimit,
  });
  const remote: Pouch = new PouchDB(database, {
    adapter: 'http',
    skip_setup: skipSetup,
    fetch: async (url, options = {}) => {
      const address = typeof url === 'string' ? url : url.url;
      const request = `${options.method ?? 'GET'} ${address.replace(database, '')}`;
      requests.push(request);
      if (request === 'POST /_bulk_docs') pushedRows += countRows(options.body);
      (options.headers as Headers).set('authorization', `Bearer ${token()}`);
      inFlight += 1;
      try {
        const response = await PouchDB.fetch(url, options);
        responses.push({ request, status: response.status });
        return response;
      } catch (error) {
        // PouchDB sends this request in the background and does not handle its rejection, which would end the process.
        if (request === 'GET /') return new Response('{}');
        throw error;
      } finally {
        inFlight -= 1;
      }
    },
  });
  return closeAfterTests({
    local,
    remote,
    requests,
    pushedRowCount: () => pushedRows,
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
      // An `error` event also rejects the sync.
      sync.catch(() => undefined);
      return sync;
    },
    async close() {
      for (const sync of syncs) sync.cancel();
      await local.destroy();
      await remote.close();
    },
  });
}

const countRows = (body: unknown): number =>
  typeof body === 'string' ? (JSON.parse(body) as { readonly docs: readonly unknown[] }).docs.length : 0;

/** Resolves once a live sync is idle: a longpoll is open, and no other request was sent for some rounds of polling. */
export async function waitForIdle(peer: Peer): Promise<void> {
  let [seen, rounds] = [0, 0];
  await eventually(() => {
    const { requests } = peer;
    const isIdle = peer.inFlightCount() === 0 && requests.some((request) => request.includes('feed=longpoll'));
    rounds = isIdle && requests.length === seen ? rounds + 1 : 0;
    seen = requests.length;
    return rounds > 10;
  });
}

/** Reads one preference in a replica; undefined also when the document does not exist. */
export async function readPreference(pouch: Pouch, id: string, key: string): Promise<unknown> {
  try {
    return (await pouch.get(id)).preferences[key];
  } catch (error) {
    if (typeof error === 'object' && error !== null && Reflect.get(error, 'status') === 404) return undefined;
    throw error;
  }
}

/** Edits preferences in a replica as an app would; returns the new revision. */
export async function editPreferences(
  pouch: Pouch,
  id: string,
  preferences: object,
  extra: object = {},
): Promise<string> {
  const document = await pouch.get(id);
  const edited = { ...document, ...extra, preferences: { ...document.preferences, ...preferences } };
  return (await pouch.put(edited)).rev;
}
