/**
 * Two gates on a cluster of CouchDB, and people with a device on each: nodes and gates are killed and come back while they
 * write. It needs a cluster whose nodes can be killed:
 *
 *     COUCHDB_NODES=http://127.0.0.1:5984,http://127.0.0.1:5985,http://127.0.0.1:5986  COUCHDB_USER=…  COUCHDB_PASSWORD=…
 *     COUCHDB_CONTROL=<command>   which is run as `<command> kill 2` and `<command> restart 2`, and waits until it is done
 */
import { execFile } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import jwt from 'jsonwebtoken';
import { createPreferencesStore, type PreferencesStore } from '../../../client/index.ts';
import { connect } from '../../../server/upstream/client.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { createInMemoryBrowser, waitForCondition } from '../testing/test-server.ts';
import { killServerProcess, startServerProcess } from '../testing/server-process.ts';
import { findFreePort } from '../../../server/testing/free-port.ts';

const { COUCHDB_NODES = '', COUCHDB_USER = '', COUCHDB_PASSWORD = '', COUCHDB_CONTROL = '' } = process.env;
const NODES = COUCHDB_NODES.split(',').filter((url) => url !== '');
const SECRET = randomBytes(32).toString('base64url');
const REGISTRY = `cluster_${randomBytes(6).toString('hex')}`;
const USERNAMES = ['ann', 'ben', 'cy'];
/** The first device of a pair alone writes the first of these, the second one the second, and both the third. */
const KEYS = ['selectedTags', 'selectedContexts', 'selectedStatus'] as const;

interface Gate {
  readonly url: string;
  readonly start: () => Promise<void>;
  readonly kill: () => Promise<void>;
}

async function startGate(couch: string): Promise<Gate> {
  const port = String(await findFreePort());
  const run = () =>
    startServerProcess({
      PORT: port,
      COUCHDB_URL: couch,
      COUCHDB_USER,
      COUCHDB_PASSWORD,
      JWT_SECRET: SECRET,
      REGISTRY_DB: REGISTRY,
    });
  let child = await run();
  return {
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      child = await run();
    },
    kill: () => killServerProcess(child),
  };
}

const controlNode = async (verb: 'kill' | 'restart', node: number): Promise<void> => {
  await promisify(execFile)('/bin/sh', ['-c', `${COUCHDB_CONTROL} ${verb} ${node}`]);
};

const stores: PreferencesStore[] = [];
function openDevice(gate: Gate, username: string): PreferencesStore {
  const store = createPreferencesStore({
    url: `${gate.url}/sync/${REGISTRY}`,
    username,
    getToken: () => Promise.resolve(jwt.sign({ sub: username }, SECRET, { expiresIn: 3_600 })),
    openDatabase: createInMemoryBrowser(),
  });
  stores.push(store);
  return store;
}

const isSynced = (store: PreferencesStore): boolean => {
  const { state, unsent } = store.status();
  return state === 'live' && unsent === 0;
};
const waitForSync = (all: readonly PreferencesStore[]): Promise<unknown> =>
  Promise.all(all.map((store) => waitForCondition(store.subscribe, () => isSynced(store))));

type DevicePair = readonly [PreferencesStore, PreferencesStore];

/** What each device wrote last where it alone writes. */
const lastWritten = new Map<PreferencesStore, readonly string[]>();
let writeCount = 0;

/** Writes on every device at the pace of busy people, until it is called: then with how many writes there were. */
function startWriting(pairs: readonly DevicePair[]): () => Promise<number> {
  const before = writeCount;
  let isStopped = false;
  const writers = pairs.flatMap((pair) =>
    pair.map(async (store, n) => {
      while (!isStopped) {
        const isOwn = randomInt(2) === 0;
        const value = [`write ${(writeCount += 1)}`];
        await store.set({ [KEYS[isOwn ? n : 2] ?? KEYS[2]]: value });
        if (isOwn) lastWritten.set(store, value);
        await delay(randomInt(50, 250));
      }
    }),
  );
  return async () => {
    isStopped = true;
    await Promise.all(writers);
    return writeCount - before;
  };
}

/** When each preference was last set, as this device has it. */
async function stampsOf(store: PreferencesStore): Promise<Readonly<Record<string, string>>> {
  const { leaves } = await store.inspect();
  return Object.assign({}, ...leaves.map(({ edits }) => edits ?? {})) as Record<string, string>;
}

const hasCluster = NODES.length >= 3 && COUCHDB_CONTROL !== '';
const [firstNode = '', secondNode = ''] = NODES;
let gates: readonly [Gate, Gate];

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  if (!hasCluster) return;
  await Promise.all(gates.map((gate) => gate.kill()));
  const couch = connect({ url: firstNode, username: COUCHDB_USER, password: COUCHDB_PASSWORD });
  await couch.db.destroy(REGISTRY);
});

(hasCluster ? test : test.skip)(
  'nodes and gates are killed and come back under writes: nothing is lost, and no page is loaded again (needs COUCHDB_NODES and COUCHDB_CONTROL)',
  async () => {
    gates = [await startGate(firstNode), await startGate(secondNode)];
    const [left, right] = gates;
    const pairs = USERNAMES.map((name) => [openDevice(left, name), openDevice(right, name)] as const);
    const all = pairs.flat();
    await waitForSync(all);

    const told: string[] = [];
    const whileWriting = async (what: string, fail: () => Promise<void>, mend: () => Promise<void>): Promise<void> => {
      const stop = startWriting(pairs);
      const began = performance.now();
      await fail();
      // It lasts as long as a restart by a person or a supervisor does.
      await delay(3_000);
      await mend();
      const count = await stop();
      const mended = performance.now();
      await waitForSync(all);
      for (const [one, other] of pairs)
        await eventually(() => JSON.stringify(one.get()) === JSON.stringify(other.get()));
      told.push(
        `${what}: ${count} writes, away ${Math.round(mended - began)} ms, all devices live and alike ${Math.round(performance.now() - mended)} ms later`,
      );
    };
    await whileWriting(
      "the second gate's node",
      () => controlNode('kill', 2),
      () => controlNode('restart', 2),
    );
    await whileWriting(
      "nobody's node",
      () => controlNode('kill', 3),
      () => controlNode('restart', 3),
    );
    await whileWriting('the first gate', left.kill, left.start);
    await whileWriting('the second gate', right.kill, right.start);
    console.log(told.join('\n'));

    for (const pair of pairs) {
      for (const [n, store] of pair.entries()) {
        for (const { get } of pair) expect(get()[KEYS[n] ?? KEYS[2]]).toEqual(lastWritten.get(store));
      }
    }
    // Whoever comes new, by either gate, finds all that was ever set, and no conflict.
    for (const [n, name] of USERNAMES.entries()) {
      const [one] = pairs[n] ?? [];
      if (one === undefined) throw new Error('There is a pair for everybody.');
      for (const gate of gates) {
        const fresh = openDevice(gate, name);
        await waitForSync([fresh]);
        await eventually(() => JSON.stringify(fresh.get()) === JSON.stringify(one.get()));
        expect(await stampsOf(fresh)).toEqual(await stampsOf(one));
        const { leaves } = await fresh.inspect();
        expect(leaves.filter(({ _deleted }) => _deleted !== true)).toHaveLength(1);
      }
    }
  },
  300_000,
);
