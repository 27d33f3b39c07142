/**
 * Two gates on a CouchDB cluster, and users with a device on each. Nodes and gates are killed and restarted during writes.
 * The test needs a cluster whose nodes can be killed:
 *
 *     COUCHDB_NODES=http://127.0.0.1:5984,http://127.0.0.1:5985,http://127.0.0.1:5986  COUCHDB_USER=…  COUCHDB_PASSWORD=…
 *     COUCHDB_CONTROL=<command>   run as `<command> kill 2` and `<command> restart 2`; must exit when it is done
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
/** Only the first device of a pair writes the first key, only the second device the second, and both the third. */
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

/** The last value that each device wrote to its exclusive key. */
const lastWritten = new Map<PreferencesStore, readonly string[]>();
let writeCount = 0;

/** Writes on every device at the pace of busy users, until the returned function is called. It resolves with the count. */
function startWriting(pairs: readonly DevicePair[]): () => Promise<number> {
  const initialCount = writeCount;
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
    return writeCount - initialCount;
  };
}

/** Resolves with the edit stamps on this device. */
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
  'loses no write when nodes and gates are killed and restarted, without a page load (needs COUCHDB_NODES and COUCHDB_CONTROL)',
  async () => {
    gates = [await startGate(firstNode), await startGate(secondNode)];
    const [left, right] = gates;
    const pairs = USERNAMES.map((name) => [openDevice(left, name), openDevice(right, name)] as const);
    const all = pairs.flat();
    await waitForSync(all);

    const reports: string[] = [];
    const failWhileWriting = async (
      target: string,
      kill: () => Promise<void>,
      restart: () => Promise<void>,
    ): Promise<void> => {
      const stop = startWriting(pairs);
      const startedAt = performance.now();
      await kill();
      // The duration of a restart by a person or a supervisor.
      await delay(3_000);
      await restart();
      const count = await stop();
      const restartedAt = performance.now();
      await waitForSync(all);
      for (const [first, second] of pairs)
        await eventually(() => JSON.stringify(first.get()) === JSON.stringify(second.get()));
      reports.push(
        `${target}: ${count} writes, down for ${Math.round(restartedAt - startedAt)} ms, all devices converged after ${Math.round(performance.now() - restartedAt)} ms`,
      );
    };
    await failWhileWriting(
      "the second gate's node",
      () => controlNode('kill', 2),
      () => controlNode('restart', 2),
    );
    await failWhileWriting(
      'a node without a gate',
      () => controlNode('kill', 3),
      () => controlNode('restart', 3),
    );
    await failWhileWriting('the first gate', left.kill, left.start);
    await failWhileWriting('the second gate', right.kill, right.start);
    console.log(reports.join('\n'));

    for (const pair of pairs) {
      for (const [n, store] of pair.entries()) {
        for (const { get } of pair) expect(get()[KEYS[n] ?? KEYS[2]]).toEqual(lastWritten.get(store));
      }
    }
    // A new device on either gate receives every preference, and no conflict.
    for (const [n, name] of USERNAMES.entries()) {
      const [existing] = pairs[n] ?? [];
      if (existing === undefined) throw new Error('Each user has a pair of devices.');
      for (const gate of gates) {
        const fresh = openDevice(gate, name);
        await waitForSync([fresh]);
        await eventually(() => JSON.stringify(fresh.get()) === JSON.stringify(existing.get()));
        expect(await stampsOf(fresh)).toEqual(await stampsOf(existing));
        const { leaves } = await fresh.inspect();
        expect(leaves.filter(({ _deleted }) => _deleted !== true)).toHaveLength(1);
      }
    }
  },
  300_000,
);
