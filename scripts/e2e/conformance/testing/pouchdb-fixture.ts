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
 * What the tests share that hold the gate to what PouchDB does with an answer: a gate whose upstream can be broken, and
 * real PouchDBs that are let go of after each test.
 */
export interface PouchdbFixture {
  readonly proxied: ProxiedGate;
  /** A name that nobody has yet. */
  readonly newUser: () => Username;
  /** A peer of the user's that does not sync yet. */
  readonly openPeer: (username: string, options?: Partial<PeerOptions>) => Peer;
  /** A peer that is in sync and waits for changes in a longpoll. */
  readonly openLivePeer: (username: string, options?: Partial<PeerOptions>) => Promise<Peer>;
  /** A preference as the database has it. */
  readonly readStoredPreference: (username: string, key: string) => Promise<unknown>;
  /** An edit that another device made. */
  readonly editRemotely: (username: string, preferences: object) => Promise<void>;
}

/** Call it once in a test file: it starts the gate before its tests, and ends it after them. */
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

/** What a peer's sync has told by this name. */
export const eventsNamed = (peer: Peer, name: string): unknown[] =>
  peer.events.filter((event) => event.name === name).map(({ value }) => value);

/** How many of a peer's requests were about `part`. */
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
