import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_ARGUMENT, startEnvironment, waitForIdleDatabase, type BenchEnvironment } from './scenarios/environment.ts';
import { FlagError, parseFlags, parseWholeNumber } from './flags.ts';
import { allocateGatePorts, startGate, type Gate } from './servers/fronts.ts';
import { rampTimeoutMs, CONNECTIONS_PER_SECOND } from './scenarios/live.ts';
import { sumMetric } from './report/prometheus-text.ts';
import { countOpenFiles, residentBytes } from './report/process-stats.ts';
import { soakReport, computeTrends, type Sample } from './report/soak-report.ts';

/** `npm run soak`: clients that come and go for minutes, and what of the gate grows with it. */

const USAGE = `npm run soak -- [--seconds 600] [--clients 2000] [--churn 50] [--writes 20]
Against CouchDB: COUCHDB_URL, COUCHDB_USER and COUCHDB_PASSWORD; else against the embedded engine.`;

/** In ms. */
const SAMPLE_INTERVAL_MS = 10_000;
const DELIVERY_TIMEOUT_MS = 30_000;
/** In short runs the samples are closer together, so that every quarter has some. */
const MIN_SAMPLES = 16;

const log = (sentence: string): void => console.error(sentence);

async function takeSample(gate: Gate, second: number): Promise<Sample> {
  const metrics = await gate.metrics();
  const text = metrics ?? '';
  return {
    second,
    residentBytes: await residentBytes(gate.child.pid),
    openFiles: await countOpenFiles(gate.child.pid),
    heapBytes: sumMetric(text, 'nodejs_heap_size_used_bytes'),
    // When there is none, there is no line of them either.
    timers: metrics === undefined ? undefined : (sumMetric(text, 'nodejs_active_resources', 'type="Timeout"') ?? 0),
    resources: sumMetric(text, 'nodejs_active_resources_total'),
  };
}

interface SoakResult {
  readonly samples: readonly Sample[];
  readonly lost: number;
}

async function soak(
  environment: BenchEnvironment,
  gate: Gate,
  seconds: number,
  flags: Record<FlagName, string>,
): Promise<SoakResult> {
  const { callLoadGenerator } = environment;
  const count = parseWholeNumber('clients', flags.clients);
  const timeoutMs = (seconds + 120) * 1_000;
  await callLoadGenerator('prepare', { count });
  const { parked } = await callLoadGenerator('begin', {
    endpoint: gate.endpoint,
    count,
    perSecond: CONNECTIONS_PER_SECOND,
    timeoutMs: rampTimeoutMs(count),
  });
  log(`${parked} of ${count} clients are parked; they begin to come and go.`);
  let isDone = false;
  const running = Promise.all([
    callLoadGenerator('churn', { perSecond: parseWholeNumber('churn', flags.churn), seconds }, timeoutMs),
    callLoadGenerator('write', { perSecond: parseWholeNumber('writes', flags.writes), seconds }, timeoutMs),
  ]).finally(() => (isDone = true));
  const samples: Sample[] = [];
  const sample = async (): Promise<void> => {
    const began = performance.now();
    while (!isDone) {
      await delay(Math.min(SAMPLE_INTERVAL_MS, (seconds * 1_000) / MIN_SAMPLES));
      const seen = await takeSample(gate, Math.round((performance.now() - began) / 1_000));
      samples.push(seen);
      log(`${seen.second} s: ${Math.round(seen.residentBytes / 1024 ** 2)} MiB, ${seen.openFiles} open files`);
    }
  };
  const [[, written]] = await Promise.all([running, sample()]);
  const { all, counts } = await callLoadGenerator('parked', { most: DELIVERY_TIMEOUT_MS });
  const { lost, wrongRevision } = await callLoadGenerator('settle', { most: DELIVERY_TIMEOUT_MS });
  log(`${all ? 'All' : counts.parked} clients are parked at the end, after ${counts.requests} live requests.`);
  log(
    `Of ${written.done} writes ${lost + wrongRevision} were lost; answered 503: ${counts.shed}, refused: ${counts.refused}.`,
  );
  if (counts.foreign > 0) throw new Error("A client was told of another user's document.");
  return { samples, lost: lost + wrongRevision };
}

type FlagName = 'seconds' | 'clients' | 'churn' | 'writes';

async function main(): Promise<void> {
  const { values } = parseFlags(process.argv.slice(2), { seconds: '600', clients: '2000', churn: '50', writes: '20' });
  const seconds = parseWholeNumber('seconds', values.seconds);
  const environment = await startEnvironment(process.env, log);
  try {
    const gate = await startGate(environment.upstream, environment.secret, await allocateGatePorts());
    const { samples, lost } = await soak(environment, gate, seconds, values);
    await environment.callLoadGenerator('end', NO_ARGUMENT);
    await waitForIdleDatabase(environment);
    const trends = computeTrends(samples);
    console.log(soakReport(trends));
    if (lost > 0) throw new Error(`${lost} writes were never told to their users' clients.`);
    if (trends.some(({ flat }) => !flat)) process.exitCode = 1;
  } finally {
    await environment.close();
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
