import {
  readClusterNodes,
  readConfigValue,
  restoreConfigValue,
  writeConfigValue,
} from '../../server/cli/setup/observe/node-config.ts';
import { eventually } from '../../server/testing/fake-couchdb.ts';
import { startLiveClient } from '../../server/testing/live-client.ts';
import { startTestUpstream, usesCouchdb, type TestUpstream } from '../../server/testing/test-database.ts';
import { startTestGate } from '../../server/testing/test-gate.ts';
import { connect } from '../../server/upstream/client.ts';
import { DOC_IDS_THRESHOLD_SETTING } from '../../server/upstream/doc-ids-threshold.ts';
import { markdownTable, type Row } from '../tables.ts';
import { FlagError, parseFlags, parseWholeNumber } from './flags.ts';
import { createUserDocument } from './load/registry-users.ts';
import { startReadTimer, type TimedRead } from './load/timed-reads.ts';
import { quantile } from './report/statistics.ts';

/**
 * `npm run bench:threshold`: the time that CouchDB takes for a read of users' states, when all live users are read again
 * after the loss of the feed. For each threshold of ids, with a gate that knows it and with batches of 250.
 */

const USAGE = `npm run bench:threshold [-- --documents 20000 --users 300 --rounds 5 --thresholds 1000,100,10]
Set COUCHDB_URL, COUCHDB_USER and COUCHDB_PASSWORD to a server admin of CouchDB. It changes ${DOC_IDS_THRESHOLD_SETTING.key}, and restores it.`;

interface Options {
  readonly documents: number;
  readonly users: number;
  readonly rounds: number;
  readonly thresholds: readonly number[];
}

/** Documents per request. */
const INSERT_SIZE = 1_000;

const usernameOf = (n: number): string => `bench${n}`;

async function insertDocuments(upstream: TestUpstream, count: number): Promise<void> {
  for (let first = 0; first < count; first += INSERT_SIZE) {
    const size = Math.min(INSERT_SIZE, count - first);
    await upstream
      .registry()
      .bulk({ docs: Array.from({ length: size }, (_, n) => createUserDocument(usernameOf(first + n), 0)) });
  }
}

/** Sets the threshold of every node, and resolves with a function that restores it. */
async function setThreshold(upstream: TestUpstream, threshold: number): Promise<() => Promise<void>> {
  const couch = connect(upstream.access);
  const before = new Map<string, string | undefined>();
  for (const { name } of await readClusterNodes(couch)) {
    before.set(name, await readConfigValue(couch, name, DOC_IDS_THRESHOLD_SETTING));
    await writeConfigValue(couch, name, DOC_IDS_THRESHOLD_SETTING, String(threshold));
  }
  return async () => {
    for (const [name, value] of before) await restoreConfigValue(couch, name, DOC_IDS_THRESHOLD_SETTING, value);
  };
}

/** The reads of `rounds` reconnections of the feed, each with all users waiting, and the time of each reconnection in ms. */
async function measure(
  upstream: TestUpstream,
  knownThreshold: number,
  { users, rounds }: Options,
): Promise<{ readonly reads: readonly TimedRead[]; readonly recoveriesMs: readonly number[] }> {
  const timer = await startReadTimer(upstream.access.url);
  const env = { COUCHDB_DOC_IDS_THRESHOLD: String(knownThreshold) };
  const gate = await startTestGate(env, { upstream, access: { ...upstream.access, url: timer.url } });
  const { hub } = gate.pouchgate;
  await eventually(() => hub.connected);
  const clients = Array.from({ length: users }, (_, n) => {
    const username = usernameOf(n);
    return startLiveClient({ database: gate.database, token: gate.token(username), username, feed: 'longpoll' });
  });
  await eventually(() => hub.size === users && clients.every(({ leaves }) => leaves.length > 0));
  timer.takeReads();
  const reads: TimedRead[] = [];
  const recoveriesMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    timer.dropConnections();
    await eventually(() => !hub.connected);
    await eventually(() => hub.connected);
    const connectedAt = performance.now();
    let count = 0;
    await eventually(() => {
      const taken = timer.takeReads();
      reads.push(...taken);
      count += taken.reduce((sum, { ids }) => sum + ids, 0);
      return count >= users;
    });
    recoveriesMs.push(performance.now() - connectedAt);
  }
  for (const client of clients) client.close();
  await gate.close();
  await timer.close();
  return { reads, recoveriesMs };
}

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

async function run(options: Options): Promise<readonly Row[]> {
  const upstream = await startTestUpstream();
  const rows: Row[] = [];
  try {
    // The first gate creates the databases.
    await (await startTestGate({}, { upstream, access: upstream.access })).close();
    await insertDocuments(upstream, options.documents);
    for (const threshold of options.thresholds) {
      const restore = await setThreshold(upstream, threshold);
      for (const [gate, known] of [
        ['before: 250', 1_000],
        ['knows it', threshold],
      ] as const) {
        const { reads, recoveriesMs } = await measure(upstream, known, options);
        const times = ascending(reads.map(({ ms }) => ms));
        rows.push([
          `${threshold}, ${gate}`,
          String(Math.max(...reads.map(({ ids }) => ids))),
          (reads.length / options.rounds).toFixed(0),
          quantile(times, 0.5).toFixed(1),
          quantile(times, 1).toFixed(1),
          quantile(ascending(recoveriesMs), 0.5).toFixed(0),
        ]);
      }
      await restore();
    }
  } finally {
    await upstream.close();
  }
  return rows;
}

try {
  if (!usesCouchdb()) throw new FlagError('COUCHDB_URL is not set.');
  const defaults = { documents: '20000', users: '300', rounds: '5', thresholds: '1000,100,10' };
  const { values } = parseFlags(process.argv.slice(2), defaults);
  const rows = await run({
    documents: parseWholeNumber('documents', values.documents),
    users: parseWholeNumber('users', values.users),
    rounds: parseWholeNumber('rounds', values.rounds),
    thresholds: values.thresholds.split(',').map((text) => parseWholeNumber('thresholds', text)),
  });
  const head = ['threshold, gate', 'most ids', 'reads', 'median ms', 'max ms', 'all users ms'];
  console.log(markdownTable([head, ...rows]));
} catch (error) {
  if (!(error instanceof FlagError)) throw error;
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = 1;
}
