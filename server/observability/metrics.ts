import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { DENIALS } from '../http/request-context.ts';
import type { LiveFeed } from '../registry/hub.ts';
import type { FeedFigures, FeedName } from './feed-monitor.ts';
import type { RequestOver } from './request-observer.ts';
import { statusClass, type UpstreamKind } from './upstream-label.ts';

/** What the gate's live requests show: read whenever somebody asks, so that counting costs a request nothing. */
export interface GateFigures {
  readonly waiters: Readonly<Record<LiveFeed, number>>;
  /** How often a parked request was woken by a change, since the start. */
  readonly wakes: number;
}

/** What stands before the gate when more come than it can take. */
export interface AdmissionFigures {
  readonly queued: number;
  /** How many were sent away with 503, since the start. */
  readonly shed: number;
}

export type PoolName = 'own' | 'forward' | 'feeds';

/** All that is read when Prometheus asks. */
export interface Figures {
  readonly gate: GateFigures;
  readonly admission: AdmissionFigures;
  readonly feeds: Readonly<Record<FeedName, FeedFigures>>;
  /** How far the registry's feed is behind, in changes; undefined when that is not known. */
  readonly pending: () => number | undefined;
  /** Open connections to the upstream. */
  readonly connections: () => Readonly<Record<PoolName, number>>;
}

export interface Metrics {
  /** The whole text, and its content type. */
  readonly text: () => Promise<string>;
  readonly contentType: string;
  readonly onUpstreamAnswer: (kind: UpstreamKind, status: number | undefined) => void;
  readonly onRequestOver: (over: RequestOver) => void;
  /** A change was written to a waiting client's socket so long after its feed row came. */
  readonly onDelivered: (seconds: number) => void;
  /** A live request was dropped, since its client reads too slowly. */
  readonly onSlowReader: () => void;
  /** From here on these are read when somebody asks. */
  readonly show: (figures: Figures) => void;
}

/** The codes that errors have; whatever else comes counts as `other`, so that a label never grows. */
const ERRORS: readonly string[] = [
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
const DELIVERY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

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
  const refused = new Counter({
    name: 'pouchgate_refused_requests_total',
    help: "Requests that were answered with an error, by CouchDB's code and the status.",
    labelNames: ['reason', 'status'],
    registers,
  });
  const denied = new Counter({
    name: 'pouchgate_denied_writes_total',
    help: 'Rows of writes that were refused one by one, by cause.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of DENIALS) denied.inc({ reason }, 0);
  const delivery = new Histogram({
    name: 'pouchgate_delivery_seconds',
    help: "From the arrival of a change's feed row to its being written to a waiting client's socket.",
    buckets: DELIVERY_BUCKETS,
    registers,
  });
  const slowReaders = new Counter({
    name: 'pouchgate_slow_readers_total',
    help: 'Live requests that were dropped since their clients read too slowly.',
    registers,
  });

  return {
    text: () => register.metrics(),
    contentType: register.contentType,
    onUpstreamAnswer: (kind, status) => upstreamRequests.inc({ kind, status: statusClass(status) }),
    onRequestOver: ({ notes: { refusal, denied: rows } }) => {
      if (refusal !== undefined) {
        const reason = ERRORS.includes(refusal.error) ? refusal.error : 'other';
        refused.inc({ reason, status: String(refusal.status) });
      }
      if (rows === undefined) return;
      for (const reason of DENIALS) if (rows[reason] > 0) denied.inc({ reason }, rows[reason]);
    },
    onDelivered: (seconds) => delivery.observe(seconds),
    onSlowReader: () => slowReaders.inc(),
    show: (figures) => addFigures(register, figures),
  };
}

/** What is read only when somebody asks. */
function addFigures(register: Registry, { gate, admission, feeds, pending, connections }: Figures): void {
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
  const labelled = (name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void => {
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
  const ofFeeds = (read: (feed: FeedFigures) => number | undefined): Readonly<Record<string, number>> =>
    Object.fromEntries(
      Object.entries(feeds).flatMap(([name, feed]) => {
        const value = read(feed);
        return value === undefined ? [] : [[name, value]];
      }),
    );

  labelled('pouchgate_waiters', 'Live requests, parked until their document changes.', 'feed', () => gate.waiters);
  counter('pouchgate_wakes_total', 'Wakes of parked live requests by a change of their document.', () => gate.wakes);
  gauge('pouchgate_admission_queue', 'Requests that wait for a place before the gate.', () => admission.queued);
  counter(
    'pouchgate_shed_requests_total',
    'Requests sent away with 503: more than the gate takes.',
    () => admission.shed,
  );
  labelled('pouchgate_upstream_connections', 'Open connections to the database.', 'pool', connections);
  labelled('pouchgate_feed_up', 'Whether a feed runs.', 'feed', () => ofFeeds(({ up }) => (up ? 1 : 0)));
  labelled('pouchgate_feed_silence_seconds', 'Since the last byte of a feed; heartbeats are bytes.', 'feed', () =>
    ofFeeds(({ silence }) => (silence === undefined ? undefined : silence / 1000)),
  );
  gauge('pouchgate_feed_pending_changes', 'Changes not yet seen by the feed at the last readiness probe.', pending);
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
