/** The devices that replicate a user's document: pages with the client library, and plain PouchDBs. Their clocks may be wrong. */
import { createPreferencesStore, type PreferencesStore, type SchemaOptions } from '../../../../client/index.ts';
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import { isEditStamp, latestEditStamp, nextEditStamp } from '../../../../couchdb-design/user-document/edit-stamp.ts';
import { createPeer } from '../../../../server/testing/pouchdb-peer.ts';
import { createNetworkSwitch } from '../../testing/network-switch.ts';
import { createInMemoryBrowser, waitForCondition } from '../../testing/test-server.ts';
import type { Deployment } from './deployment.ts';
import type { Values } from '../../testing/preferences-over-rest.ts';
import type { Participant } from './participants.ts';
import { DOMAINS, VERSIONS, type DomainName, type Version } from './preference-domains.ts';

export interface Device extends Participant {
  readonly version: Version;
  /** The gate that it syncs with. */
  readonly gate: Version;
  readonly isOnline: () => boolean;
  readonly setOnline: (isOnline: boolean) => void;
  /** Sets its clock to this many milliseconds ahead of the true time. */
  readonly setClock: (offsetMs: number) => void;
  /** Resolves when it has synced: everything was sent, and what the server had before the call was received. */
  readonly settle: () => Promise<void>;
  /** Resolves when a page shows these values. A plain PouchDB shows nothing, so it resolves at once. */
  readonly waitUntilShown: (expected: Values) => Promise<void>;
  /** The document as it is stored on the device. */
  readonly readDocument: () => Promise<Document>;
  /** What the server has refused, as sentences. */
  readonly refusals: () => readonly string[];
  readonly close: () => Promise<void>;
}

export interface Document {
  readonly preferences: Values;
  readonly edits: Readonly<Record<string, string>>;
}

export interface DeviceOptions {
  readonly name: string;
  readonly kind: 'page' | 'plain PouchDB';
  readonly app: DomainName;
  readonly username: string;
  readonly gates: Deployment['gates'];
}

/** Returns the version of the page, and that of its gate. */
const versionsOf = (app: DomainName): { readonly version: Version; readonly gate: Version } =>
  app === 'old at new' ? { version: 'old', gate: 'new' } : { version: app, gate: app };

export const createDevice = (options: DeviceOptions): Device =>
  options.kind === 'page' ? createPage(options) : createPlainDevice(options);

/** A page with the client library. */
function createPage({ name, app, username, gates }: DeviceOptions): Device {
  const { version, gate } = versionsOf(app);
  const { registryUrl, token } = gates[gate];
  const network = createNetworkSwitch();
  const wakeListeners = new Set<() => void>();
  const databaseNames = new Set<string>();
  const openInMemory = createInMemoryBrowser();
  const refusals: string[] = [];
  let clockOffsetMs = 0;
  const options = {
    url: registryUrl,
    username,
    getToken: () => Promise.resolve(token(username)),
    openDatabase: (database: string) => {
      databaseNames.add(database);
      return openInMemory(database);
    },
    environment: {
      now: () => Date.now() + clockOffsetMs,
      fetch: network.fetch,
      storage: {},
      listen: (events: string, listener: (event: { readonly type: string }) => void) => {
        const wake = (): void => listener({ type: 'online' });
        if (events.includes('online')) wakeListeners.add(wake);
        return () => void wakeListeners.delete(wake);
      },
    },
  };
  const store = createPreferencesStore(
    version === 'built-in' ? options : { ...options, ...(VERSIONS[version] as SchemaOptions<object, object>) },
  ) as PreferencesStore<object, object>;
  store.on('refused', (edit) => refusals.push(JSON.stringify(edit)));
  return {
    name: `page ${name} (${app})`,
    version,
    gate,
    domain: DOMAINS[app],
    read: () => Promise.resolve(store.get() as Values),
    edit: (patch) => store.set(patch),
    isOnline: network.isOnline,
    setOnline: (isOnline) => {
      network.setOnline(isOnline);
      if (isOnline) for (const wake of [...wakeListeners]) wake();
    },
    setClock: (offsetMs) => {
      clockOffsetMs = offsetMs;
    },
    settle: () =>
      waitForCondition(
        store.subscribe,
        () => {
          const { state, unsent } = store.status();
          return refusals.length > 0 || (state === 'live' && unsent === 0);
        },
        () => `expected a synced page, found ${JSON.stringify(store.status())}`,
      ),
    waitUntilShown: (expected) =>
      waitForCondition(
        store.subscribe,
        () => refusals.length > 0 || canonicalJson(store.get()) === canonicalJson(expected),
        () => `expected ${canonicalJson(expected)}, found ${canonicalJson({ ...store.status(), ...store.get() })}`,
      ),
    readDocument: async () => {
      const { leaves } = await store.inspect();
      return leaves.find(({ _deleted }) => _deleted !== true) as unknown as Document;
    },
    refusals: () => refusals,
    close: async () => {
      await store.close();
      await Promise.all([...databaseNames].map((database) => openInMemory(database).destroy()));
    },
  };
}

/**
 * A plain PouchDB with a program that reads and writes the document, and stamps its edits. It syncs when `settle` is called,
 * and resolves no conflicts.
 */
function createPlainDevice({ name, app, username, gates }: DeviceOptions): Device {
  const { version, gate } = versionsOf(app);
  const { registryUrl, token } = gates[gate];
  const id = `user_${username}`;
  const peer = createPeer({ database: registryUrl, token: () => token(username) });
  let isOnline = true;
  let clockOffsetMs = 0;
  const settle = async (): Promise<void> => {
    if (isOnline) await peer.sync({ live: false, retry: false });
  };
  const readDocument = async (): Promise<Document> => (await peer.local.get(id)) as unknown as Document;
  return {
    name: `PouchDB ${name} (${app})`,
    version,
    gate,
    domain: DOMAINS[app],
    read: async () => (await readDocument()).preferences,
    edit: async (patch) => {
      const document = await peer.local.get(id);
      const { preferences, edits } = document as unknown as Document;
      const seen = latestEditStamp(Object.values(edits).filter(isEditStamp));
      const stamp = nextEditStamp({ now: Date.now() + clockOffsetMs, device: `plai${name.toLowerCase()}`, seen });
      const values = Object.entries({ ...preferences, ...patch }).filter(([, value]) => value !== null);
      await peer.local.put({
        ...document,
        preferences: Object.fromEntries(values),
        edits: { ...edits, ...Object.fromEntries(Object.keys(patch).map((key) => [key, stamp])) },
        updated_at: stamp.slice(0, 24),
      });
    },
    isOnline: () => isOnline,
    setOnline: (online) => {
      isOnline = online;
    },
    setClock: (offsetMs) => {
      clockOffsetMs = offsetMs;
    },
    settle,
    waitUntilShown: () => Promise.resolve(),
    readDocument,
    refusals: () =>
      peer.events
        .filter(({ name: event }) => event !== 'paused' && event !== 'active')
        .map((event) => JSON.stringify(event)),
    close: () => peer.close(),
  };
}
