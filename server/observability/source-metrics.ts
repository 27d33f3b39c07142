import { Counter, Gauge, type Registry } from 'prom-client';
import type { LiveFeed } from '../registry/hub.ts';
import type { FeedName, FeedStats } from './feed-monitor.ts';
import type { LimitStats } from './limits-monitor.ts';
import type { ReadinessChecks } from './readiness.ts';

/** Statistics of the gate's live requests. They are read at each scrape, so counting costs a request nothing. */
export interface GateStats {
  readonly waiters: Readonly<Record<LiveFeed, number>>;
  /** How often a change woke a parked request since the start. */
  readonly wakes: number;
}

/** Statistics of the admission queue. */
export interface AdmissionStats {
  readonly queued: number;
  /** The number of requests refused with 503 since the start, before they were admitted. */
  readonly shed: number;
}

/**
 * What a request may wait for: a connection to the database for users' requests (`upstream`) or for the service account's on behalf of
 * a user (`service`), the event loop (`turn`), or the memory that its user's other requests occupy (`memory`).
 */
export const SHARE_NAMES = ['upstream', 'service', 'turn', 'memory'] as const;
export type ShareName = (typeof SHARE_NAMES)[number];

/** The number of waiting requests by what they wait for. */
export type ShareStats = Readonly<Record<ShareName, number>>;

export type PoolName = 'own' | 'forward' | 'feeds';

/** What is read at each scrape. */
export interface MetricSources {
  readonly gate: GateStats;
  readonly admission: AdmissionStats;
  /** Returns how many requests wait for their users' shares. */
  readonly waiting: () => ShareStats;
  readonly limits: Pick<LimitStats, 'totals'>;
  readonly feeds: Readonly<Record<FeedName, FeedStats>>;
  /** Resolves with the checks of `/readyz`. They send the database at most one request per second. */
  readonly readinessChecks: () => Promise<ReadinessChecks>;
  /** Returns how many changes the registry's feed is behind, or `undefined` if unknown. */
  readonly pendingChanges: () => number | undefined;
  /** Returns the database's time minus the gate's, in ms, or `undefined` if unknown. */
  readonly clockOffsetMs: () => number | undefined;
  /** Returns the open connections to the upstream by pool. */
  readonly upstreamConnections: () => Readonly<Record<PoolName, number>>;
}

/** The values of one metric by label. */
type LabelledValues = Readonly<Record<string, number>>;

/** Registers the metrics that are read from their sources at each scrape. */
export function registerSourceMetrics(register: Registry, sources: MetricSources): void {
  registerGateMetrics(register, sources);
  registerLabelledCounter(
    register,
    'pouchgate_limited_requests_total',
    'Requests that a limit has rejected or delayed.',
    'limit',
    () => sources.limits.totals,
  );
  registerLabelledGauge(
    register,
    'pouchgate_waiting_requests',
    "Requests that wait for their user's share, by what they wait for.",
    'share',
    sources.waiting,
  );
  registerLabelledGauge(
    register,
    'pouchgate_upstream_connections',
    'Open connections to the database.',
    'pool',
    sources.upstreamConnections,
  );
  registerGauge(
    register,
    'pouchgate_clock_offset_seconds',
    "The database's clock minus the gate's. Edits are dated by the database's.",
    () => {
      const offsetMs = sources.clockOffsetMs();
      return offsetMs === undefined ? undefined : offsetMs / 1000;
    },
  );
  registerFeedMetrics(register, sources);
  registerReadiness(register, sources.readinessChecks);
}

function registerReadiness(register: Registry, check: MetricSources['readinessChecks']): void {
  const gauge: Gauge = new Gauge({
    name: 'pouchgate_ready',
    help: 'Whether a check of /readyz passes. The gate is ready if all do.',
    labelNames: ['check'],
    registers: [register],
    collect: async () => {
      const checks = await check();
      for (const [name, passes] of Object.entries(checks)) gauge.set({ check: name }, passes === true ? 1 : 0);
    },
  });
}

function registerGateMetrics(register: Registry, { gate, admission }: MetricSources): void {
  registerLabelledGauge(
    register,
    'pouchgate_waiters',
    'Live requests, parked until their document changes.',
    'feed',
    () => gate.waiters,
  );
  registerCounter(
    register,
    'pouchgate_wakes_total',
    'Wakes of parked live requests by a change of their document.',
    () => gate.wakes,
  );
  registerGauge(
    register,
    'pouchgate_admission_queue',
    'Requests queued for admission to the gate.',
    () => admission.queued,
  );
  registerCounter(
    register,
    'pouchgate_shed_requests_total',
    'Requests refused with 503 because the gate is overloaded, before they count as requests.',
    () => admission.shed,
  );
}

function registerFeedMetrics(register: Registry, { feeds, pendingChanges }: MetricSources): void {
  const perFeed = (read: (feed: FeedStats) => number | undefined): LabelledValues =>
    Object.fromEntries(
      Object.entries(feeds).flatMap(([name, feed]) => {
        const value = read(feed);
        return value === undefined ? [] : [[name, value]];
      }),
    );
  registerLabelledGauge(register, 'pouchgate_feed_up', 'Whether a feed is connected.', 'feed', () =>
    perFeed(({ connected }) => (connected ? 1 : 0)),
  );
  registerLabelledGauge(
    register,
    'pouchgate_feed_silence_seconds',
    'Time since the last byte of a feed, heartbeats included.',
    'feed',
    () => perFeed(({ silenceMs }) => (silenceMs === undefined ? undefined : silenceMs / 1000)),
  );
  registerGauge(
    register,
    'pouchgate_feed_pending_changes',
    'Changes that the feed had not delivered at the last readiness probe.',
    pendingChanges,
  );
  registerLabelledCounter(
    register,
    'pouchgate_feed_restarts_total',
    'Ended connections to a feed, and failed attempts at one, each followed by another attempt.',
    'feed',
    () => perFeed(({ restarts }) => restarts),
  );
}

function registerGauge(register: Registry, name: string, help: string, read: () => number | undefined): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    registers: [register],
    collect: () => {
      // An unknown value is left out instead of reported as 0.
      gauge.reset();
      const value = read();
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    },
  });
}

function registerCounter(register: Registry, name: string, help: string, read: () => number): void {
  const counter: Counter = new Counter({
    name,
    help,
    registers: [register],
    collect: () => {
      counter.reset();
      counter.inc(read());
    },
  });
}

function registerLabelledCounter(
  register: Registry,
  name: string,
  help: string,
  label: string,
  read: () => LabelledValues,
): void {
  const counter: Counter = new Counter({
    name,
    help,
    labelNames: [label],
    registers: [register],
    collect: () => {
      counter.reset();
      for (const [value, number] of Object.entries(read())) counter.inc({ [label]: value }, number);
    },
  });
}

function registerLabelledGauge(
  register: Registry,
  name: string,
  help: string,
  label: string,
  read: () => LabelledValues,
): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [register],
    collect: () => {
      gauge.reset();
      for (const [value, number] of Object.entries(read())) gauge.set({ [label]: value }, number);
    },
  });
}
