import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join, resolve } from 'node:path';
import { reasonWithoutBrowser, runBrowser } from './scenarios/browser.ts';
import { startEnvironment, type BenchEnvironment } from './scenarios/environment.ts';
import { BENCH_USAGE, FlagError, parseBenchFlags, type BenchFlags } from './flags.ts';
import { allocateGatePorts, startGate, startPlainProxy } from './servers/fronts.ts';
import { runLive } from './scenarios/live.ts';
import { openFilesLimit } from './report/process-stats.ts';
import { textReport, updateReadme } from './report/report.ts';
import { runRequests } from './scenarios/requests.ts';
import {
  benchResultSchema,
  type BenchResult,
  type BrowserResult,
  type FrontName,
  type LiveResult,
  type StormResult,
} from './report/result.ts';
import { runStorm } from './scenarios/reconnect-storm.ts';
import { runRefusals } from './scenarios/refusals.ts';
import { benchSvg } from './report/svg.ts';
import { UpstreamError } from './servers/upstream.ts';

/**
 * `npm run bench`: compares the gate and a plain rewriting proxy on the same database. Progress goes to stderr, and the
 * report to stdout.
 */

const ROOT = join(import.meta.dirname, '..', '..');
/** Open files of a process besides its clients' connections. */
const RESERVED_FILES = 200;

const log = (sentence: string): void => console.error(sentence);

/** A load that the plain proxy can follow, so that its delivery time is measured and not the length of its queue. */
const LOW_WRITE_LOAD = { users: 1_000, perSecond: 5 } as const;

/** Returns the maximum number of clients of a process that needs `filesPerClient` open files for each. */
const maxClients = (openFiles: number, filesPerClient: number): number =>
  Math.floor((openFiles - RESERVED_FILES) / filesPerClient);

async function runAllLive(
  environment: BenchEnvironment,
  flags: BenchFlags,
  openFiles: number,
  notes: string[],
): Promise<LiveResult[]> {
  const { upstream, secret } = environment;
  const { seconds, writesPerSecond } = flags;
  const results: LiveResult[] = [];
  const run = async (
    name: FrontName,
    requestedUsers: number,
    writes: number,
    start: () => ReturnType<typeof startPlainProxy>,
  ): Promise<void> => {
    // The plain proxy holds one connection to the database per client connection.
    const users = Math.min(requestedUsers, maxClients(openFiles, name === 'gate' ? 1 : 2));
    if (users < requestedUsers) {
      notes.push(
        `${name}: ran with ${users} instead of ${requestedUsers} users, since a process is limited to ${openFiles} open files.`,
      );
    }
    results.push(await runLive(environment, { name, start, users, seconds, writesPerSecond: writes }));
  };
  const runBothFronts = async (users: number, writes: number): Promise<void> => {
    // The gate runs first, because it leaves no backlog of work in the database.
    await run('gate', users, writes, async () => startGate(upstream, secret, await allocateGatePorts(), flags.profile));
    if (users <= flags.skipBaselineAbove) {
      await run('plain', users, writes, () => startPlainProxy(upstream, secret));
    } else notes.push(`The plain proxy did not run with ${users} users (--skip-baseline-above).`);
  };
  if (flags.users.includes(LOW_WRITE_LOAD.users) && writesPerSecond > LOW_WRITE_LOAD.perSecond) {
    await runBothFronts(LOW_WRITE_LOAD.users, LOW_WRITE_LOAD.perSecond);
  }
  for (const users of flags.users) await runBothFronts(users, writesPerSecond);
  return results;
}

/** Runs each storm against the gate, and then against `node:http` alone as the limit of what is possible. */
async function runAllStorms(
  environment: BenchEnvironment,
  { patience: kinds, profile }: BenchFlags,
  clients: number,
): Promise<StormResult[]> {
  const results: StormResult[] = [];
  for (const patience of kinds) {
    for (const front of ['gate', 'bare'] as const)
      results.push(await runStorm(environment, { front, clients, patience, profile }));
  }
  return results;
}

/** Enough for a hundred clicks. In seconds. */
const MAX_BROWSER_SECONDS = 20;

async function runBrowsers(
  environment: BenchEnvironment,
  { browserUsers, seconds, writesPerSecond }: BenchFlags,
  openFiles: number,
  notes: string[],
): Promise<BrowserResult[]> {
  const reason = reasonWithoutBrowser();
  if (reason !== undefined) {
    notes.push(reason);
    return [];
  }
  const results: BrowserResult[] = [];
  for (const requested of browserUsers) {
    const users = Math.min(requested, maxClients(openFiles, 1));
    const options = { users, seconds: Math.min(seconds, MAX_BROWSER_SECONDS), writesPerSecond };
    results.push(await runBrowser(environment, options));
  }
  return results;
}

async function runBench(flags: BenchFlags): Promise<BenchResult> {
  const { only } = flags;
  const openFiles = await openFilesLimit();
  const environment = await startEnvironment(process.env, log);
  try {
    const { upstream } = environment;
    const notes = ['Writes go directly to the database, so both fronts get the same work.'];
    if (upstream.pid === undefined)
      notes.push("The database's process is not visible from here, so its CPU time is unknown.");
    const live = only === undefined || only === 'live' ? await runAllLive(environment, flags, openFiles, notes) : [];
    const clients = Math.min(flags.stormClients, maxClients(openFiles, 1));
    const hasStorm = only === undefined || only === 'storm';
    const storm = hasStorm ? await runAllStorms(environment, flags, clients) : [];
    const refusal = hasStorm ? await runRefusals(environment, flags.refusals) : null;
    const request = only === undefined || only === 'request' ? await runRequests(environment, flags.requests) : [];
    const browser =
      only === undefined || only === 'browser' ? await runBrowsers(environment, flags, openFiles, notes) : [];
    return benchResultSchema.parse({
      date: new Date().toISOString(),
      machine: {
        cores: os.cpus().length,
        processor: os.cpus()[0]?.model.trim() ?? 'unknown',
        gibibytes: os.totalmem() / 1024 ** 3,
        node: process.versions.node,
      },
      upstream: { kind: upstream.kind, version: upstream.version },
      seconds: flags.seconds,
      openFiles,
      live,
      storm,
      refusal,
      request,
      browser,
      notes,
    });
  } finally {
    await environment.close();
  }
}

/** Writes bench.json and bench.svg. For docs, it also updates README. */
async function writeResult(result: BenchResult, out: string): Promise<void> {
  const directory = resolve(ROOT, out);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'bench.json'), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(join(directory, 'bench.svg'), benchSvg(result));
  if (directory !== join(ROOT, 'docs')) return;
  const readme = join(ROOT, 'README.md');
  await writeFile(readme, updateReadme(await readFile(readme, 'utf8'), result));
}

/** The gate must not lose an acknowledged write. Losses of the plain proxy are reported, but do not fail the run. */
const hasNoLosses = ({ live, storm }: BenchResult): boolean =>
  live.every(({ front, lost }) => front === 'plain' || lost === 0) && storm.every(({ lost }) => lost === 0);

async function main(): Promise<void> {
  const flags = parseBenchFlags(process.argv.slice(2));
  const result = await runBench(flags);
  if (flags.out !== undefined) await writeResult(result, flags.out);
  console.log(textReport(result));
  if (!hasNoLosses(result)) throw new Error('The gate lost acknowledged writes.');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    if (error instanceof FlagError) console.error(`${error.message}\n\n${BENCH_USAGE}`);
    else if (error instanceof UpstreamError) console.error(error.message);
    else console.error(error);
    process.exit(1);
  },
);
