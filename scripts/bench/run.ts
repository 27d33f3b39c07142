import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join, resolve } from 'node:path';
import { startEnvironment, type BenchEnvironment } from './scenarios/environment.ts';
import { BENCH_USAGE, FlagError, parseBenchFlags, type BenchFlags } from './flags.ts';
import { allocateGatePorts, startGate, startPlainProxy } from './servers/fronts.ts';
import { runLive } from './scenarios/live.ts';
import { openFilesLimit } from './report/process-stats.ts';
import { textReport, updateReadme } from './report/report.ts';
import { runRequests } from './scenarios/requests.ts';
import { benchResultSchema, type BenchResult, type FrontName, type LiveResult } from './report/result.ts';
import { runStorm } from './scenarios/reconnect-storm.ts';
import { benchSvg } from './report/svg.ts';
import { UpstreamError } from './servers/upstream.ts';

/** `npm run bench`: the gate and a plain rewriting proxy side by side on one database. What goes on is said on stderr. */

const ROOT = join(import.meta.dirname, '..', '..');
/** What a process has open besides its clients. */
const RESERVED_FILES = 200;

const log = (sentence: string): void => console.error(sentence);

const LOW_WRITE_LOAD = { users: 1_000, perSecond: 5 } as const;

/** How many clients a process can hold that needs `files` open files for each. */
const maxClients = (limit: number, files: number): number => Math.floor((limit - RESERVED_FILES) / files);

async function runAllLive(
  environment: BenchEnvironment,
  flags: BenchFlags,
  limit: number,
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
    // The plain proxy has a connection to the database for each client's.
    const users = Math.min(requestedUsers, maxClients(limit, name === 'gate' ? 1 : 2));
    if (users < requestedUsers) {
      notes.push(
        `${requestedUsers} users asked, ${users} held (${name}): a process may have ${limit} files open here.`,
      );
    }
    results.push(await runLive(environment, { name, start, users, seconds, writesPerSecond: writes }));
  };
  const runBothFronts = async (users: number, writes: number): Promise<void> => {
    // The gate first: it leaves the database nothing to work off.
    await run('gate', users, writes, async () => startGate(upstream, secret, await allocateGatePorts(), flags.profile));
    if (users <= flags.skipBaselineAbove) {
      await run('plain', users, writes, () => startPlainProxy(upstream, secret));
    } else notes.push(`The plain proxy was not run with ${users} users (--skip-baseline-above).`);
  };
  // With as few writes as the plain proxy can still follow, so that it is measured and not its queue.
  if (flags.users.includes(LOW_WRITE_LOAD.users) && writesPerSecond > LOW_WRITE_LOAD.perSecond) {
    await runBothFronts(LOW_WRITE_LOAD.users, LOW_WRITE_LOAD.perSecond);
  }
  for (const users of flags.users) await runBothFronts(users, writesPerSecond);
  return results;
}

async function runBench(flags: BenchFlags): Promise<BenchResult> {
  const { only } = flags;
  const limit = await openFilesLimit();
  const environment = await startEnvironment(process.env, log);
  try {
    const { upstream } = environment;
    const notes = ['Writes go straight to the database, so that each front gets the same work to do.'];
    if (upstream.pid === undefined) notes.push("The database's process cannot be seen from here: its CPU is unknown.");
    const live = only === undefined || only === 'live' ? await runAllLive(environment, flags, limit, notes) : [];
    const clients = Math.min(flags.stormClients, maxClients(limit, 1));
    const storm = only === undefined || only === 'storm' ? await runStorm(environment, clients, flags.profile) : null;
    const request = only === undefined || only === 'request' ? await runRequests(environment, flags.requests) : [];
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
      openFiles: limit,
      live,
      storm,
      request,
      notes,
    });
  } finally {
    await environment.close();
  }
}

async function writeResult(result: BenchResult, out: string): Promise<void> {
  const directory = resolve(ROOT, out);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'bench.json'), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(join(directory, 'bench.svg'), benchSvg(result));
  if (directory !== join(ROOT, 'docs')) return;
  const readme = join(ROOT, 'README.md');
  await writeFile(readme, updateReadme(await readFile(readme, 'utf8'), result));
}

/** Nothing that was acknowledged may be lost by the gate; what the plain proxy loses is told and no failure. */
const hasNoLosses = ({ live, storm }: BenchResult): boolean =>
  live.every(({ front, lost }) => front === 'plain' || lost === 0) && (storm?.lost ?? 0) === 0;

async function main(): Promise<void> {
  const flags = parseBenchFlags(process.argv.slice(2));
  const result = await runBench(flags);
  if (flags.out !== undefined) await writeResult(result, flags.out);
  console.log(textReport(result));
  if (!hasNoLosses(result)) throw new Error('The gate has lost deliveries.');
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
