import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { REJECTION_REASONS } from '../http/request-context.ts';
import type { LiveFeed } from '../registry/hub.ts';
import type { FeedStats, FeedName } from './feed-monitor.ts';
import type { CompletedRequest } from './request-observer.ts';
import { statusClass, type UpstreamLabel } from './upstream-label.ts';

/** What the gate's live requests show: read whenever somebody asks, so that counting costs a request nothing. */
export interface GateStats {
  readonly waiters: Readonly<Record<LiveFeed, number>>;
  /** How often a parked request was woken by a change, since the start. */
  readonly wakes: number;
}

/** What stands before the gate when more come than it can take. */
export interface AdmissionStats {
  readonly queued: number;
  /** How many were sent away with 503, since the start. */
  readonly shed: number;
}

export type PoolName = 'own' | 'forward' | 'feeds';

/** All that is read when Prometheus asks. */
export interface MetricSources {
  readonly gate: GateStats;
  readonly admission: AdmissionStats;
  readonly feeds: Readonly<Record<FeedName, FeedStats>>;
  /** How far the registry's feed is behind, in changes; undefined when that is not known. */
  readonly pendingChanges: () => number | undefined;
  /** Open connections to the upstream. */
  readonly upstreamConnections: () => Readonly<Record<PoolName, number>>;
}

export interface Metrics {
  /** The whole text, and its content type. */
  readonly render: () => Promise<string>;
  readonly contentType: string;
  readonly onUpstreamResponse: (kind: UpstreamLabel, status: number | undefined) => void;
  readonly onRequestCompleted: (over: CompletedRequest) => void;
  /** A change was written to a waiting client's socket so long after its feed row came. */
  readonly onDelivered: (seconds: number) => void;
  /** A live request was dropped, since its client reads too slowly. */
  readonly onSlowReader: () => void;
  /** From here on these are read when somebody asks. */
  readonly attachSources: (figures: MetricSources) => void;
}

/** The codes that errors have; whatever else comes counts as `other`, so that a label never grows. */
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
  'service_unavailable',
  'too_large',
  'too_many_requests',
  'unauthorized',
];

/** In s: a parked longpoll is told in under a millisecond when nothing is in the way. */
const DELIVERY_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/**
 * Pouchgate's metrics, in a registry of their own. No label ever holds a username or an id: every one is of a closed set.
 * `withProcess` adds what prom-client tells of Node and the process.
 */
export function createMetrics({ withProcess }: { readonly withProcess: boolean }): Metrics {
  const register = new Registry();
  const registers = [register];
  if (withProcess) collectDefaultMetrics({ register });

  const upstreamRequests = new Counter({
    name: 'pouchgate_upstream_requests_total',
    help: 'Requests to the database, the feeds aside, by what they were for and the class of the status; none: no answer.',
    labelNames: ['kind', 'status'],
    registers,
  });
  const rejectedRequests = new Counter({
    name: 'pouchgate_refused_requests_total',
    help: "Requests that were answered with an error, by CouchDB's code and the status.",
    labelNames: ['reason', 'status'],
    registers,
  });
  const deniedWrites = new Counter({
    name: 'pouchgate_denied_writes_total',
    help: 'Rows of writes that were refused one by one, by cause.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of REJECTION_REASONS) deniedWrites.inc({ reason }, 0);
  const delivery = new Histogram({
    name: 'pouchgate_delivery_seconds',
    help: "From the arrival of a change's feed row to its being written to a waiting client's socket.",
    buckets: DELIVERY_BUCKETS_SECONDS,
    registers,
  });
  const slowReaders = new Counter({
    name: 'pouchgate_slow_readers_total',
    help: 'Live requests that were dropped since their clients read too slowly.',
    registers,
  });

  return {
    render: () => register.metrics(),
    contentType: register.contentType,
    onUpstreamResponse: (kind, status) => upstreamRequests.inc({ kind, status: statusClass(status) }),
    onRequestCompleted: ({ context: { error, rejections: rows } }) => {
      if (error !== undefined) {
        const reason = ERROR_CODES.includes(error.error) ? error.error : 'other';
        rejectedRequests.inc({ reason, status: String(error.status) });
      }
      if (rows === undefined) return;
      for (const reason of REJECTION_REASONS) if (rows[reason] > 0) deniedWrites.inc({ reason }, rows[reason]);
    },
    onDelivered: (seconds) => delivery.observe(seconds),
    onSlowReader: () => slowReaders.inc(),
    attachSources: (figures) => registerSourceMetrics(register, figures),
  };
}

/** What is read only when somebody asks. */
function registerSourceMetrics(
  register: Registry,
  { gate, admission, feeds, pendingChanges, upstreamConnections }: MetricSources,
): void {
  const registers = [register];
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: () => {
        // What is not known is not told as 0.
        made.reset();
        const value = read();
        if (value === undefined) made.remove();
        else made.set(value);
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    const made: Counter = new Counter({
      name,
      help,
      registers,
      collect: () => {
        made.reset();
        made.inc(read());
      },
    });
  };
  const labelledGauge = (
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect: () => {
        made.reset();
        for (const [value, number] of Object.entries(read())) made.set({ [label]: value }, number);
      },
    });
  };
  const perFeed = (read: (feed: FeedStats) => number | undefined): Readonly<Record<string, number>> =>
    Object.fromEntries(
      Object.entries(feeds).flatMap(([name, feed]) => {
        const value = read(feed);
        return value === undefined ? [] : [[name, value]];
      }),
    );

  labelledGauge('pouchgate_waiters', 'Live requests, parked until their document changes.', 'feed', () => gate.waiters);
  counter('pouchgate_wakes_total', 'Wakes of parked live requests by a change of their document.', () => gate.wakes);
  gauge('pouchgate_admission_queue', 'Requests that wait for a place before the gate.', () => admission.queued);
  counter(
    'pouchgate_shed_requests_total',
    'Requests sent away with 503: more than the gate takes.',
    () => admission.shed,
  );
  labelledGauge('pouchgate_upstream_connections', 'Open connections to the database.', 'pool', upstreamConnections);
  labelledGauge('pouchgate_feed_up', 'Whether a feed runs.', 'feed', () =>
    perFeed(({ connected }) => (connected ? 1 : 0)),
  );
  labelledGauge('pouchgate_feed_silence_seconds', 'Since the last byte of a feed; heartbeats are bytes.', 'feed', () =>
    perFeed(({ silenceMs }) => (silenceMs === undefined ? undefined : silenceMs / 1000)),
  );
  gauge(
    'pouchgate_feed_pending_changes',
    'Changes not yet seen by the feed at the last readiness probe.',
    pendingChanges,
  );
  const restarts: Counter<'feed'> = new Counter({
    name: 'pouchgate_feed_restarts_total',
    help: 'Connections to a feed, and attempts at one, that ended and were made anew.',
    labelNames: ['feed'],
    registers,
    collect: () => {
      restarts.reset();
      for (const [feed, { restarts: count }] of Object.entries(feeds)) restarts.inc({ feed }, count);
    },
  });
}
