import type { IncomingMessage } from 'node:http';
import { parseUsername, type Username } from '../../../../couchdb-design/user-document/user-document.ts';
import { startProxiedGate, type ProxiedGate } from '../../../../server/testing/faulty-database-proxy.ts';
import {
  createPeer,
  waitForIdle,
  SHORT_BACKOFF,
  type Peer,
  type PeerOptions,
} from '../../../../server/testing/pouchdb-peer.ts';

/**
 * For tests of how PouchDB handles the gate's responses: a gate whose upstream can be made to fail, and real PouchDBs that
 * are closed after each test.
 */
export interface PouchdbFixture {
  readonly proxied: ProxiedGate;
  /** Returns an unused username. */
  readonly newUser: () => Username;
  /** Opens a peer of the user that does not sync yet. */
  readonly openPeer: (username: string, options?: Partial<PeerOptions>) => Peer;
  /** Opens a peer that is in sync and waits in a longpoll. */
  readonly openLivePeer: (username: string, options?: Partial<PeerOptions>) => Promise<Peer>;
  /** Reads a preference in the database. */
  readonly readStoredPreference: (username: string, key: string) => Promise<unknown>;
  /** Edits in the database, as another device would. */
  readonly editRemotely: (username: string, preferences: object) => Promise<void>;
}

/** Call once per test file. Starts the gate before the tests and closes it after them. */
export function setUpPouchdbFixture(): PouchdbFixture {
  let proxied: ProxiedGate;
  const peers: Peer[] = [];
  let users = 0;
  beforeAll(async () => {
    proxied = await startProxiedGate();
  });
  afterEach(async () => {
    proxied.proxy.fault = undefined;
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
  });
  afterAll(() => proxied.close());

  const openPeer: PouchdbFixture['openPeer'] = (username, options = {}) => {
    const { gate } = proxied;
    const peer = createPeer({ database: gate.database, token: () => gate.token(username), ...options });
    peers.push(peer);
    return peer;
  };
  return {
    get proxied() {
      return proxied;
    },
    newUser: () => {
      const name = parseUsername(`u${(users += 1)}`);
      if (name === undefined) throw new Error('not a username');
      return name;
    },
    openPeer,
    openLivePeer: async (username, options = {}) => {
      const peer = openPeer(username, options);
      void peer.sync(SHORT_BACKOFF);
      await waitForIdle(peer);
      return peer;
    },
    readStoredPreference: async (username, key) => {
      const { preferences } = (await proxied.registry().get(`user_${username}`)) as never as { preferences: object };
      return Reflect.get(preferences, key) as unknown;
    },
    editRemotely: async (username, preferences) => {
      const document = await proxied.registry().get(`user_${username}`);
      await proxied.registry().insert({ ...document, preferences } as never);
    },
  };
}

/** Returns the arguments of a peer's sync events with this name. */
export const eventsNamed = (peer: Peer, name: string): unknown[] =>
  peer.events.filter((event) => event.name === name).map(({ value }) => value);

/** Counts a peer's requests whose text contains `part`. */
export const countRequests = (peer: Peer, part: string): number =>
  peer.requests.filter((request) => request.includes(part)).length;

export const isContinuousFeed = ({ url = '' }: IncomingMessage): boolean => url.includes('feed=continuous');

export const urlIncludes =
  (part: string) =>
  ({ url = '' }: IncomingMessage): boolean =>
    url.includes(part);

export const measureTime = async <T>(work: Promise<T>): Promise<{ value: T; ms: number }> => {
  const startedAt = performance.now();
  const value = await work;
  return { value, ms: performance.now() - startedAt };
};
