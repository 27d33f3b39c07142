import type { Logger } from 'pino';
import { upstreamLogFields } from '../http/upstream-failure.ts';
import type { Upstream } from '../upstream/client.ts';
import type { ClockMonitor } from './clock-monitor.ts';
import type { FeedMonitor } from './feed-monitor.ts';
import type { LimitStats } from './limits-monitor.ts';
import { decideReadiness, type Readiness } from './readiness.ts';
import {
  accountAuthorization,
  createProbeRequest,
  UpstreamProbe,
  userAuthorization,
  type ProbeResult,
} from './upstream-probe.ts';

/** Checks whether the server is ready, and estimates how far its feed is behind. */
export interface ReadinessMonitor {
  check(): Promise<Readiness>;
  /** Returns how many changes the feed was behind at the last check, or `undefined` if unknown. */
  pendingChanges(): number | undefined;
  /** Reports the server as not ready from now on, because it is about to stop. */
  startDraining(): void;
}

export interface ReadinessMonitorOptions {
  readonly upstream: Upstream;
  readonly registry: string;
  /** Without it, users' requests are sent as the gate's own account. */
  readonly jwtSecret: Buffer | undefined;
  readonly feeds: Readonly<Record<'registry' | 'sessions', Pick<FeedMonitor, 'connected' | 'seq'>>>;
  readonly clocks: Pick<ClockMonitor, 'differs'>;
  readonly limits: Pick<LimitStats, 'active'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export function createReadinessMonitor(options: ReadinessMonitorOptions): ReadinessMonitor {
  const { upstream, registry, jwtSecret, feeds, clocks, limits, log } = options;
  const createProbe = (account: string, authorization: () => string): UpstreamProbe => {
    const request = createProbeRequest(upstream, registry, authorization);
    const logChange = createProbeLog(log, account);
    return new UpstreamProbe(async () => {
      const result = await request();
      logChange(result);
      return result;
    });
  };
  const gateProbe = createProbe('gate', accountAuthorization(upstream));
  const userProbe =
    jwtSecret === undefined ? gateProbe : createProbe('user', userAuthorization(jwtSecret, upstream.clock.now));
  let draining = false;
  return {
    check: async () => {
      const [gate, user] = await Promise.all([gateProbe.check(), userProbe.check()]);
      const checks = {
        not_draining: !draining,
        registry_feed: feeds.registry.connected,
        sessions_feed: feeds.sessions.connected,
        upstream: gate.ok || gate.responded,
        gate_access: gate.ok,
        user_access: user.ok,
      };
      return decideReadiness(checks, { clocksDiffer: clocks.differs, activeLimits: limits.active });
    },
    pendingChanges: () => {
      const { last } = gateProbe;
      const { seq } = feeds.registry;
      return last?.ok === true && seq !== undefined ? Math.max(0, last.seq - seq) : undefined;
    },
    startDraining: () => {
      draining = true;
    },
  };
}

/** Returns a function that logs a probe's result if its status differs from that of the one before. */
function createProbeLog(log: ReadinessMonitorOptions['log'], account: string): (result: ProbeResult) => void {
  /** The status of the last failure, `none` without a response; undefined after a success. */
  let failure: number | 'none' | undefined;
  return (result) => {
    const before = failure;
    failure = result.ok ? undefined : (result.failure.status ?? 'none');
    if (failure === before) return;
    if (result.ok) log.info({ account }, 'The database accepts requests again.');
    else log.warn({ account, ...upstreamLogFields(result.failure) }, 'The database refuses or fails requests.');
  };
}
