import type { IncomingMessage } from 'node:http';
import { parseUsername, type Username } from '../../../../couchdb-design/user-document/user-document.ts';
import { startFrontedGate, type FrontedGate } from '../../../../server/testing/faulty-database-proxy.ts';
import {
  createPeer,
  settled,
  SHORT_BACK_OFF,
  type Peer,
  type PeerOptions,
} from '../../../../server/testing/pouchdb-peer.ts';

/**
 * What the tests share that hold the gate to what PouchDB does with an answer: a gate whose upstream can be broken, and
 * real PouchDBs that are let go of after each test.
 */
export interface Stage {
  readonly fronted: FrontedGate;
  /** A name that nobody has yet. */
  readonly newUser: () => Username;
  /** A peer of the user's that does not sync yet. */
  readonly open: (username: string, options?: Partial<PeerOptions>) => Peer;
  /** A peer that is in sync and waits for changes in a longpoll. */
  readonly live: (username: string, options?: Partial<PeerOptions>) => Promise<Peer>;
  /** A preference as the database has it. */
  readonly inRegistry: (username: string, key: string) => Promise<unknown>;
  /** An edit that another device made. */
  readonly editElsewhere: (username: string, preferences: object) => Promise<void>;
}

/** Call it once in a test file: it starts the gate before its tests, and ends it after them. */
export function setStage(): Stage {
  let fronted: FrontedGate;
  const peers: Peer[] = [];
  let users = 0;
  beforeAll(async () => {
    fronted = await startFrontedGate();
  });
  afterEach(async () => {
    fronted.front.fault = undefined;
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
  });
  afterAll(() => fronted.close());

  const open: Stage['open'] = (username, options = {}) => {
    const { gate } = fronted;
    const peer = createPeer({ database: gate.database, token: () => gate.token(username), ...options });
    peers.push(peer);
    return peer;
  };
  return {
    get fronted() {
      return fronted;
    },
    newUser: () => {
      const name = parseUsername(`u${(users += 1)}`);
      if (name === undefined) throw new Error('not a username');
      return name;
    },
    open,
    live: async (username, options = {}) => {
      const peer = open(username, options);
      void peer.sync(SHORT_BACK_OFF);
      await settled(peer);
      return peer;
    },
    inRegistry: async (username, key) => {
      const { preferences } = (await fronted.registry().get(`user_${username}`)) as never as { preferences: object };
      return Reflect.get(preferences, key) as unknown;
    },
    editElsewhere: async (username, preferences) => {
      const document = await fronted.registry().get(`user_${username}`);
      await fronted.registry().insert({ ...document, preferences } as never);
    },
  };
}

/** What a peer's sync has told by this name. */
export const named = (peer: Peer, name: string): unknown[] =>
  peer.events.filter((event) => event.name === name).map(({ value }) => value);

/** How many of a peer's requests were about `part`. */
export const sent = (peer: Peer, part: string): number =>
  peer.requests.filter((request) => request.includes(part)).length;

export const isFeed = ({ url = '' }: IncomingMessage): boolean => url.includes('feed=continuous');

export const concerns =
  (part: string) =>
  ({ url = '' }: IncomingMessage): boolean =>
    url.includes(part);

export const timed = async <T>(work: Promise<T>): Promise<{ value: T; ms: number }> => {
  const begun = performance.now();
  const value = await work;
  return { value, ms: performance.now() - begun };
};
