import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_ARGUMENT, startEnvironment, waitForIdleDatabase, type BenchEnvironment } from './scenarios/environment.ts';
import { FlagError, parseFlags, parseWholeNumber } from './flags.ts';
import { allocateGatePorts, startGate, type Gate } from './servers/fronts.ts';
import { rampTimeoutMs, CONNECTIONS_PER_SECOND } from './scenarios/live.ts';
import { sumMetric } from './report/prometheus-text.ts';
import { countOpenFiles, residentBytes } from './report/process-stats.ts';
import { soakReport, computeTrends, type Sample } from './report/soak-report.ts';

/** `npm run soak`: disconnects and reconnects clients for minutes, and reports which resources of the gate grow. */

const USAGE = `npm run soak -- [--seconds 600] [--clients 2000] [--churn 50] [--writes 20]
Set COUCHDB_URL, COUCHDB_USER and COUCHDB_PASSWORD to run on CouchDB. The default is the embedded engine.`;

const SAMPLE_INTERVAL_MS = 10_000;
const DELIVERY_TIMEOUT_MS = 30_000;
/** A short run takes samples at shorter intervals, so that every quarter has some. */
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
    // Without timers the metric has no line.
    timers: metrics === undefined ? undefined : (sumMetric(text, 'nodejs_active_resources', 'type="Timeout"') ?? 0),
    resources: sumMetric(text, 'nodejs_active_resources_total'),
  };
}

interface SoakOptions {
  readonly seconds: number;
  readonly clients: number;
  /** Clients that disconnect and reconnect per second. */
  readonly churnPerSecond: number;
  readonly writesPerSecond: number;
}

interface SoakResult {
  readonly samples: readonly Sample[];
  readonly lost: number;
}

/** @throws Error if a client receives another user's document. */
async function soak(environment: BenchEnvironment, gate: Gate, options: SoakOptions): Promise<SoakResult> {
  const { callLoadGenerator } = environment;
  const { clients } = options;
  await callLoadGenerator('prepare', { count: clients });
  const { parked } = await callLoadGenerator('begin', {
    endpoint: gate.endpoint,
    count: clients,
    perSecond: CONNECTIONS_PER_SECOND,
    timeoutMs: rampTimeoutMs(clients),
  });
  log(`${parked} of ${clients} clients are parked. Churn starts.`);
  const { samples, written } = await runLoad(environment, gate, options);
  const { all, counts } = await callLoadGenerator('parked', { timeoutMs: DELIVERY_TIMEOUT_MS });
  const deliveries = await callLoadGenerator('settle', { timeoutMs: DELIVERY_TIMEOUT_MS });
  const lost = deliveries.lost + deliveries.wrongRevision;
  log(`${all ? 'All' : counts.parked} clients are parked at the end, after ${counts.requests} live requests.`);
  log(`Of ${written} writes ${lost} were lost; 503 responses: ${counts.shed}, other errors: ${counts.refused}.`);
  if (counts.foreign > 0) throw new Error("A client received another user's document.");
  return { samples, lost };
}

/** Runs churn and writes, and samples the gate at the same time. */
async function runLoad(
  { callLoadGenerator }: BenchEnvironment,
  gate: Gate,
  { seconds, churnPerSecond, writesPerSecond }: SoakOptions,
): Promise<{ samples: Sample[]; written: number }> {
  const timeoutMs = (seconds + 120) * 1_000;
  let isDone = false;
  const running = Promise.all([
    callLoadGenerator('churn', { perSecond: churnPerSecond, seconds }, timeoutMs),
    callLoadGenerator('write', { perSecond: writesPerSecond, seconds }, timeoutMs),
  ]).finally(() => (isDone = true));
  const samples: Sample[] = [];
  const takeSamples = async (): Promise<void> => {
    const startedAt = performance.now();
    while (!isDone) {
      await delay(Math.min(SAMPLE_INTERVAL_MS, (seconds * 1_000) / MIN_SAMPLES));
      const sample = await takeSample(gate, Math.round((performance.now() - startedAt) / 1_000));
      samples.push(sample);
      log(`${sample.second} s: ${Math.round(sample.residentBytes / 1024 ** 2)} MiB, ${sample.openFiles} open files`);
    }
  };
  const [[, { done }]] = await Promise.all([running, takeSamples()]);
  return { samples, written: done };
}

async function main(): Promise<void> {
  const { values } = parseFlags(process.argv.slice(2), { seconds: '600', clients: '2000', churn: '50', writes: '20' });
  const options: SoakOptions = {
    seconds: parseWholeNumber('seconds', values.seconds),
    clients: parseWholeNumber('clients', values.clients),
    churnPerSecond: parseWholeNumber('churn', values.churn),
    writesPerSecond: parseWholeNumber('writes', values.writes),
  };
  const environment = await startEnvironment(process.env, log);
  try {
    const gate = await startGate(environment.upstream, environment.secret, await allocateGatePorts());
    const { samples, lost } = await soak(environment, gate, options);
    await environment.callLoadGenerator('end', NO_ARGUMENT);
    await waitForIdleDatabase(environment);
    const trends = computeTrends(samples);
    console.log(soakReport(trends));
    if (lost > 0) throw new Error(`${lost} writes never reached their users' clients.`);
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
