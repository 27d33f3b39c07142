import type { ChildProcess } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import jwt from 'jsonwebtoken';
import { createPeer, editPreferences, readPreference, type Peer } from '../../../server/testing/pouchdb-peer.ts';
import {
  usesCouchdb,
  newTestNames,
  startTestUpstream,
  type TestUpstream,
} from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { killServerProcess, startServerProcess } from '../testing/server-process.ts';
import { findFreePort } from '../../../server/testing/free-port.ts';

const SECRET = randomBytes(32).toString('base64url');
const KILL_COUNT = 5;

const names = newTestNames();
/** The data directory of the embedded engine, which is killed with the server. */
let directory: string;
/** A CouchDB instead of the engine, which keeps running. */
let upstream: TestUpstream | undefined;
let port: number;
let child: ChildProcess | undefined;
const peers: Peer[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pouchgate-kill-'));
  port = await findFreePort();
  if (usesCouchdb()) upstream = await startTestUpstream(names);
});
afterAll(async () => {
  await Promise.all(peers.map((peer) => peer.close()));
  if (child !== undefined) await killServerProcess(child);
  await upstream?.close();
  await rm(directory, { recursive: true });
});

const startServer = (): Promise<ChildProcess> =>
  startServerProcess({
    PORT: String(port),
    DATA_DIR: directory,
    REGISTRY_DB: names.registry,
    ...upstream?.env(),
    JWT_SECRET: SECRET,
  });

interface Writer {
  readonly id: string;
  readonly username: string;
  readonly peer: Peer;
  /** Revisions that the server has acknowledged. */
  readonly acknowledgedRevisions: Set<string>;
  writeCount: number;
}

const createToken = (username: string): string => jwt.sign({ sub: username }, SECRET, { expiresIn: 3_600 });

function createWriter(username: string): Writer {
  const database = `http://127.0.0.1:${port}/sync/${names.registry}`;
  const peer = createPeer({ database, token: () => createToken(username) });
  peers.push(peer);
  const writer: Writer = { id: `user_${username}`, username, peer, acknowledgedRevisions: new Set(), writeCount: 0 };
  void peer.sync({ back_off_function: () => 200 }).on('change', ({ direction, change }) => {
    if (direction === 'push') for (const { _rev: rev } of change.docs) writer.acknowledgedRevisions.add(rev);
  });
  return writer;
}

/** Resolves with the acknowledged revisions that the server does not have. */
async function findLostRevisions({ id, username, acknowledgedRevisions }: Writer): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/sync/${names.registry}/_revs_diff`, {
    method: 'POST',
    headers: { authorization: `Bearer ${createToken(username)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ [id]: [...acknowledgedRevisions] }),
  });
  return response.json();
}

it('kill -9 at any moment loses no acknowledged write, and clients reconnect automatically', async () => {
  child = await startServer();
  const writers = ['ann', 'ben', 'cy'].map(createWriter);
  for (const { peer } of writers) await eventually(async () => (await peer.local.info()).doc_count === 1);
  let isStopped = false;
  const writing = writers.map(async (writer) => {
    while (!isStopped) {
      await editPreferences(writer.peer.local, writer.id, { selectedTags: [`edit ${(writer.writeCount += 1)}`] });
      // The pace of the load, that of a busy person; not a wait for an event.
      await delay(randomInt(5, 40));
    }
  });
  const counts: number[] = [];
  for (let round = 0; round < KILL_COUNT; round += 1) {
    const before = writers.map(({ acknowledgedRevisions }) => acknowledgedRevisions.size);
    // All writers have recovered without intervention.
    await eventually(() =>
      writers.every(({ acknowledgedRevisions }, n) => acknowledgedRevisions.size > (before[n] ?? 0) + 2),
    );
    // The server is killed at a random moment, which no event determines.
    await delay(randomInt(0, 300));
    await killServerProcess(child);
    child = await startServer();
    for (const writer of writers) expect(await findLostRevisions(writer)).toEqual({});
    counts.push(writers.reduce((sum, { acknowledgedRevisions }) => sum + acknowledgedRevisions.size, 0));
  }
  isStopped = true;
  await Promise.all(writing);
  for (const writer of writers) {
    const { peer, id, writeCount } = writer;
    const { _rev: last } = await peer.local.get(id);
    await eventually(() => writer.acknowledgedRevisions.has(last));
    expect(await findLostRevisions(writer)).toEqual({});
    expect(peer.events.filter(({ name }) => name === 'error' || name === 'denied')).toEqual([]);
    const fresh = createWriter(writer.username);
    await eventually(async () => {
      const tags = await readPreference(fresh.peer.local, id, 'selectedTags');
      return JSON.stringify(tags) === JSON.stringify([`edit ${writeCount}`]);
    });
  }
  expect(counts.at(-1)).toBeGreaterThan(KILL_COUNT * writers.length);
});
