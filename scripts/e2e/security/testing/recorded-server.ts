import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import pino from 'pino';
import { readConfig } from '../../../../server/config/config.ts';
import { startPouchgate, type Pouchgate } from '../../../../server/app/start.ts';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';
import { authorizationOf, connect, type UpstreamAccess } from '../../../../server/upstream/client.ts';
import { newTestNames, startTestUpstream, type TestNames } from '../../../../server/testing/test-database.ts';
import { startRecorder, type RecordedRequest } from '../../../../server/testing/request-recorder.ts';

export interface AttackRequestInit {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** A whole server whose upstream requests are recorded, with the document of bob, the victim. */
export interface RecordedServer {
  readonly pouchgate: Pouchgate;
  readonly port: number;
  readonly secret: string;
  readonly names: TestNames;
  /** Internal texts of the database, none of which may reach a client. */
  readonly internalTexts: readonly string[];
  /** The gate's own upstream authorization, which no client's header may change. */
  readonly authorization: string;
  /** The upstream requests in order, without those of the set-up and the two feeds. */
  readonly upstreamRequests: readonly RecordedRequest[];
  token(username: string, claims?: object): string;
  /** Sends a request to `path` below the database's URL with the user's token; `body` is sent as JSON. */
  request(username: string, path: string, init?: AttackRequestInit): Promise<Response>;
  readonly bob: Victim;
  /** Stores revisions of alice's document as an administrator, also such as the gate would merge. */
  addRevisions(docs: readonly object[]): Promise<void>;
  /** Adds `count` users' documents to the registry as an administrator. */
  addUsers(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface Victim {
  /** A text that occurs only in bob's document. */
  readonly canary: string;
  /** All revisions of bob's document, oldest first. */
  readonly revisions: readonly string[];
  /** Edits bob's document directly in the database, without a record. */
  edit(): Promise<void>;
  /** Reads all leaves of bob's document. */
  read(): Promise<unknown>;
}

const FEED_URL =
  /^\/(user_registry|pouchgate_sessions)_[0-9a-f]{12}\/_changes\?feed=continuous&style=all_docs&heartbeat=5000&since=[^&]+(&include_docs=true)?$/;

/** Builds a user's document, to be written as an administrator. */
const documentOf = (username: string, tag: string): Record<string, unknown> => ({
  _id: `user_${username}`,
  type: 'user_preferences',
  version: 1,
  username,
  preferences: { selectedTags: [tag] },
  edits: {},
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
});

/** Creates bob's document, and gives access to it without the gate. */
async function createVictim(access: UpstreamAccess, { registry: database }: TestNames): Promise<Victim> {
  const couch = connect(access);
  const registry = couch.use<Record<string, unknown>>(database);
  const canary = `canary-${randomBytes(8).toString('hex')}`;
  const revisions = [(await registry.insert(documentOf('bob', canary))).rev];
  return {
    canary,
    revisions,
    async edit() {
      const document = { ...documentOf('bob', canary), updated_at: new Date().toISOString() };
      revisions.push((await registry.insert({ ...document, _rev: revisions.at(-1) ?? '' })).rev);
    },
    read: () => couch.request({ db: database, path: 'user_bob', qs: { open_revs: 'all', revs: true } }),
  };
}

/** Starts a server whose upstream requests pass through a recorder. */
export async function startRecordedServer(names: TestNames = newTestNames()): Promise<RecordedServer> {
  const secret = randomBytes(32).toString('base64url');
  const upstream = await startTestUpstream(names);
  const { access } = upstream;
  const recorder = await startRecorder(upstream.nextAccess().url);
  const pouchgate = await startPouchgate({
    config: readConfig({
      ...upstream.env({ ...access, url: recorder.url }),
      PORT: '0',
      METRICS_PORT: 'off',
      DRAIN_SECONDS: '0',
      JWT_SECRET: secret,
    }),
    log: pino({ level: 'silent' }),
  });
  const registry = connect(access).use<Record<string, unknown>>(names.registry);
  const bob = await createVictim(access, names);
  // The gate reads CouchDB's version once its feed has connected.
  await eventually(() => recorder.requests.some(({ url }) => url === '/'));
  const setupRequestCount = recorder.requests.length;
  const token = (username: string, claims: object = {}): string =>
    jwt.sign({ sub: username, exp: Math.floor(Date.now() / 1000) + 3600, ...claims }, secret, { noTimestamp: true });

  return {
    pouchgate,
    port: Number(new URL(pouchgate.url).port),
    secret,
    names,
    internalTexts: [
      names.sessions,
      // The end of sequences in the embedded engine, or the start of their opaque part in CouchDB.
      ...(upstream.kind === 'embedded' ? ['-embedded', access.username] : ['-g1AAAA', access.password]),
    ],
    authorization: authorizationOf(access),
    get upstreamRequests() {
      return recorder.requests
        .slice(setupRequestCount)
        .filter(({ method, url }) => method !== 'GET' || !FEED_URL.test(url));
    },
    token,
    request: (username, path, { method = 'GET', body, headers = {}, signal } = {}) =>
      fetch(`${pouchgate.url}/sync/${names.registry}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token(username)}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      }),
    bob,
    async addRevisions(docs) {
      await registry.bulk({ docs: [...docs], new_edits: false });
    },
    async addUsers(count) {
      const tag = randomBytes(4).toString('hex');
      await registry.bulk({ docs: Array.from({ length: count }, (_, n) => documentOf(`crowd-${tag}-${n}`, 'x')) });
    },
    async close() {
      await pouchgate.close();
      await recorder.close();
      await upstream.close();
    },
  };
}
