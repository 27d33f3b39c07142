import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { NOTHING, startStage, untilQuiet, type BenchStage } from './scenarios/environment.ts';
import { FlagError, parseFlags, wholeNumber } from './flags.ts';
import { gatePorts, startGate, type Gate } from './servers/fronts.ts';
import { longestRamp, RAMP } from './scenarios/live.ts';
import { metricSum } from './report/prometheus-text.ts';
import { openFiles, residentBytes } from './report/process-stats.ts';
import { soakReport, trendsOf, type Sample } from './report/soak-report.ts';

/** `npm run soak`: clients that come and go for minutes, and what of the gate grows with it. */

const USAGE = `npm run soak -- [--seconds 600] [--clients 2000] [--churn 50] [--writes 20]
Against CouchDB: COUCHDB_URL, COUCHDB_USER and COUCHDB_PASSWORD; else against the embedded engine.`;

/** In ms. */
const SAMPLE_EVERY = 10_000;
const SETTLE = 30_000;
/** In short runs the samples are closer together, so that every quarter has some. */
const LEAST_SAMPLES = 16;

const say = (sentence: string): void => console.error(sentence);

async function look(gate: Gate, second: number): Promise<Sample> {
  const told = await gate.metrics();
  const text = told ?? '';
  return {
    second,
    residentBytes: await residentBytes(gate.child.pid),
    openFiles: await openFiles(gate.child.pid),
    heapBytes: metricSum(text, 'nodejs_heap_size_used_bytes'),
    // When there is none, there is no line of them either.
    timers: told === undefined ? undefined : (metricSum(text, 'nodejs_active_resources', 'type="Timeout"') ?? 0),
    resources: metricSum(text, 'nodejs_active_resources_total'),
  };
}

interface Soaked {
  readonly samples: readonly Sample[];
  readonly lost: number;
}

async function soak(stage: BenchStage, gate: Gate, seconds: number, flags: Record<Flag, string>): Promise<Soaked> {
  const { load } = stage;
  const count = wholeNumber('clients', flags.clients);
  const most = (seconds + 120) * 1_000;
  await load('prepare', { count });
  const { parked } = await load('begin', { door: gate.door, count, perSecond: RAMP, most: longestRamp(count) });
  say(`${parked} of ${count} clients are parked; they begin to come and go.`);
  let over = false;
  const going = Promise.all([
    load('churn', { perSecond: wholeNumber('churn', flags.churn), seconds }, most),
    load('write', { perSecond: wholeNumber('writes', flags.writes), seconds }, most),
  ]).finally(() => (over = true));
  const samples: Sample[] = [];
  const sample = async (): Promise<void> => {
    const began = performance.now();
    while (!over) {
      await delay(Math.min(SAMPLE_EVERY, (seconds * 1_000) / LEAST_SAMPLES));
      const seen = await look(gate, Math.round((performance.now() - began) / 1_000));
      samples.push(seen);
      say(`${seen.second} s: ${Math.round(seen.residentBytes / 1024 ** 2)} MiB, ${seen.openFiles} open files`);
    }
  };
  const [[, written]] = await Promise.all([going, sample()]);
  const { all, counts } = await load('parked', { most: SETTLE });
  const { lost, mistold } = await load('settle', { most: SETTLE });
  say(`${all ? 'All' : counts.parked} clients are parked at the end, after ${counts.requests} live requests.`);
  say(
    `Of ${written.done} writes ${lost + mistold} were lost; answered 503: ${counts.shed}, refused: ${counts.refused}.`,
  );
  if (counts.foreign > 0) throw new Error("A client was told of another user's document.");
  return { samples, lost: lost + mistold };
}

type Flag = 'seconds' | 'clients' | 'churn' | 'writes';

async function main(): Promise<void> {
  const { values } = parseFlags(process.argv.slice(2), { seconds: '600', clients: '2000', churn: '50', writes: '20' });
  const seconds = wholeNumber('seconds', values.seconds);
  const stage = await startStage(process.env, say);
  try {
    const gate = await startGate(stage.upstream, stage.secret, await gatePorts());
    const { samples, lost } = await soak(stage, gate, seconds, values);
    await stage.load('end', NOTHING);
    await untilQuiet(stage);
    const trends = trendsOf(samples);
    console.log(soakReport(trends));
    if (lost > 0) throw new Error(`${lost} writes were never told to their users' clients.`);
    if (trends.some(({ flat }) => !flat)) process.exitCode = 1;
  } finally {
    await stage.close();
  }
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    if (error instanceof FlagError) console.error(`${error.message}\n\n${USAGE}`);
    else console.error(error);
    process.exit(1);
  },
);
