import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { REJECTION_REASONS } from '../http/request-context.ts';
import { SIGN_IN_OUTCOMES, type SignInOutcome } from '../identity/attempts/attempts.ts';
import type { LabelledRequest } from './request-log.ts';
import { registerSourceMetrics, SHARE_NAMES, type MetricSources, type ShareName } from './source-metrics.ts';
import { statusClass, type UpstreamLabel } from './upstream-label.ts';

/** The known error codes. Any other is counted as `other`, so that the label's values stay a closed set. */
const ERROR_CODES: readonly string[] = [
  'bad_content_type',
  'bad_gateway',
  'bad_request',
  'conflict',
  'file_exists',
  'forbidden',
  'internal_server_error',
  'method_not_allowed',
  'not_found',
  'not_ready',
  'request_timeout',
  'service_unavailable',
  'too_large',
  'too_many_requests',
  'unauthorized',
];

/** In seconds. An idle gate delivers a change to a parked longpoll in under a millisecond. */
const DELIVERY_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/**
 * In seconds. A local read takes some milliseconds. The gate answers 503 to a request that waited for five seconds, and aborts a
 * request to the database after ten.
 */
const REQUEST_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** In seconds. A request with a free slot does not wait, and is not counted. The longest wait is a minute. */
const WAIT_BUCKETS_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** A document without open conflicts has one. The doctor names documents with more than 32. */
const LEAVES_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/**
 * prom-client's gauges whose names end in `_total`, which Prometheus reserves for counters. They are the sums of the gauges of the
 * same names without it.
 */
const MISNAMED_DEFAULT_METRICS = ['handles', 'requests', 'resources'].map((kind) => `nodejs_active_${kind}_total`);

/** Metrics as plain values, which another process can merge with its own. */
export type MetricValues = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** Creates the metrics that requests and changes are counted in. */
function createInstruments(registry: Registry) {
  const registers = [registry];
  return {
    requests: new Counter({
      name: 'pouchgate_requests_total',
      help: 'Requests whose response has ended, by kind and status class; none: the client disconnected before a response.',
      labelNames: ['kind', 'status'],
      registers,
    }),
    requestDuration: new Histogram({
      name: 'pouchgate_request_duration_seconds',
      help: 'Time from a request until its response has ended, by kind and status class, without live requests.',
      labelNames: ['kind', 'status'],
      buckets: REQUEST_BUCKETS_SECONDS,
      registers,
    }),
    upstreamRequests: new Counter({
      name: 'pouchgate_upstream_requests_total',
      help: 'Requests to the database, except the feeds, by purpose and status class; none: no response.',
      labelNames: ['kind', 'status'],
      registers,
    }),
    rejectedRequests: new Counter({
      name: 'pouchgate_refused_requests_total',
      help: "Requests that were answered with an error, by CouchDB's code and the status.",
      labelNames: ['reason', 'status'],
      registers,
    }),
    deniedWrites: new Counter({
      name: 'pouchgate_denied_writes_total',
      help: 'Individually rejected rows of writes, by cause.',
      labelNames: ['reason'],
      registers,
    }),
    delivery: new Histogram({
      name: 'pouchgate_delivery_seconds',
      help: "Time from the arrival of a change's feed row until it is written to a waiting client's socket.",
      buckets: DELIVERY_BUCKETS_SECONDS,
      registers,
    }),
    waits: new Histogram({
      name: 'pouchgate_wait_seconds',
      help: "How long requests have waited for their user's share, by what they waited for.",
      labelNames: ['share'],
      buckets: WAIT_BUCKETS_SECONDS,
      registers,
    }),
    leaves: new Histogram({
      name: 'pouchgate_document_leaves',
      help: 'Leaves of the documents that are read, deleted ones included.',
      buckets: LEAVES_BUCKETS,
      registers,
    }),
    withheld: new Counter({
      name: 'pouchgate_withheld_documents_total',
      help: 'Responses that were refused because a document has a field that looks like a secret.',
      registers,
    }),
    signIns: new Counter({
      name: 'pouchgate_sign_ins_total',
      help: 'Attempts to sign in with a password, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    slowReaders: new Counter({
      name: 'pouchgate_slow_readers_total',
      help: 'Live requests that were disconnected because their clients read too slowly.',
      registers,
    }),
  };
}

/**
 * Pouchgate's Prometheus metrics, in a separate registry. No label contains a username or an id: the values of every
 * label are a closed set.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #instruments: ReturnType<typeof createInstruments>;

  /** `withProcess` adds prom-client's metrics of Node and the process. */
  constructor({ withProcess }: { readonly withProcess: boolean }) {
    if (withProcess) collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED_DEFAULT_METRICS) this.#registry.removeSingleMetric(name);
    this.#instruments = createInstruments(this.#registry);
    // A series that starts with its first event hides that event from `increase`.
    for (const reason of REJECTION_REASONS) this.#instruments.deniedWrites.inc({ reason }, 0);
    for (const outcome of SIGN_IN_OUTCOMES) this.#instruments.signIns.inc({ outcome }, 0);
    for (const share of SHARE_NAMES) this.#instruments.waits.zero({ share });
    this.#instruments.rejectedRequests.inc({ reason: 'bad_gateway', status: '502' }, 0);
    this.#instruments.rejectedRequests.inc({ reason: 'service_unavailable', status: '503' }, 0);
  }

  /** The media type of `render`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Resolves with all metrics in the Prometheus text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Resolves with all metrics. Values that were not measured (`NaN`) are left out, because JSON cannot contain them. */
  async values(): Promise<MetricValues> {
    const metrics = await this.#registry.getMetricsAsJSON();
    return metrics.map((metric) => ({
      ...metric,
      values: metric.values.filter(({ value }) => Number.isFinite(value)),
    }));
  }

  /** Counts a request to the upstream. `status` is `undefined` if there was no response. */
  onUpstreamResponse(kind: UpstreamLabel, status: number | undefined): void {
    this.#instruments.upstreamRequests.inc({ kind, status: statusClass(status) });
  }

  /** Counts a request, its error and its denied rows. The duration of a live request is the time its client waited, not a latency. */
  onRequestCompleted({ route: kind, status, seconds, context }: LabelledRequest): void {
    const { error, rejections } = context;
    const labels = { kind, status: statusClass(status) };
    this.#instruments.requests.inc(labels);
    if (context.isLive !== true) this.#instruments.requestDuration.observe(labels, seconds);
    if (error !== undefined && status !== undefined) {
      const reason = ERROR_CODES.includes(error.error) ? error.error : 'other';
      this.#instruments.rejectedRequests.inc({ reason, status: String(error.status) });
    }
    if (rejections === undefined) return;
    for (const reason of REJECTION_REASONS) {
      if (rejections[reason] > 0) this.#instruments.deniedWrites.inc({ reason }, rejections[reason]);
    }
  }

  /** Records the time, in seconds, from a change's feed row to the write to a waiting client's socket. */
  onDelivered(seconds: number): void {
    this.#instruments.delivery.observe(seconds);
  }

  /** Records the time, in seconds, that a request has waited for its user's share. */
  onWaited(share: ShareName, seconds: number): void {
    this.#instruments.waits.observe({ share }, seconds);
  }

  /** Records the number of leaves of a document that was read. */
  onLeavesRead(count: number): void {
    this.#instruments.leaves.observe(count);
  }

  /** Counts a response that was refused because a document has a field that looks like a secret. */
  onWithheld(): void {
    this.#instruments.withheld.inc();
  }

  /** Counts an attempt to sign in. */
  onSignIn(outcome: SignInOutcome): void {
    this.#instruments.signIns.inc({ outcome });
  }

  /** Counts a live request that was disconnected because its client reads too slowly. */
  onSlowReader(): void {
    this.#instruments.slowReaders.inc();
  }

  /** Adds the metrics that are read from `sources` at each scrape. */
  attachSources(sources: MetricSources): void {
    registerSourceMetrics(this.#registry, sources);
  }
}
