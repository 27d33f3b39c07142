import type { LimitName } from '../http/limit-names.ts';

/** The checks of readiness; `true` passes. */
export interface ReadinessChecks {
  /** The server is not about to stop. */
  readonly not_draining: boolean;
  /** The feed of document changes is connected. */
  readonly registry_feed: boolean;
  /** The feed of ended sessions and suspended accounts is connected. */
  readonly sessions_feed: boolean;
  /** The database responded to the last probe. */
  readonly upstream: boolean;
  /** The database gave the gate's own account access to the documents. */
  readonly gate_access: boolean;
  /** The database accepted a request that was sent as a user. */
  readonly user_access: boolean;
}

/** What the body contains with either status. */
interface ReadinessDetails {
  readonly checks: ReadinessChecks;
  /** What an operator has to correct although it does not prevent the gate from serving. Absent if there is nothing. */
  readonly warnings?: readonly string[];
  /** The limits that have rejected or delayed requests within the last seconds. Absent if there are none. */
  readonly limits?: readonly LimitName[];
}

export type Readiness =
  | { readonly status: 200; readonly body: ReadinessDetails & { readonly status: 'ready' } }
  | {
      readonly status: 503;
      readonly body: ReadinessDetails & { readonly error: 'not_ready'; readonly reason: string };
    };

/** What an operator has to know about a gate that may be ready. */
export interface ReadinessNotices {
  /** The clocks of the gate and of the database differ by more than a minute. */
  readonly clocksDiffer: boolean;
  readonly activeLimits: readonly LimitName[];
}

const CLOCKS_DIFFER = 'The clocks of the gate and of the database differ by more than a minute.';

/** In order of precedence: an earlier failure causes the later ones. */
const REASONS: readonly (readonly [keyof ReadinessChecks, string])[] = [
  ['not_draining', 'The server is stopping.'],
  ['upstream', 'The database does not answer.'],
  ['gate_access', "The database refuses the gate's own requests. The log has its reason."],
  ['user_access', "The database refuses users' requests. The log has its reason."],
  ['registry_feed', "The feed of the documents' changes is down."],
  ['sessions_feed', "The feed of the sessions' ends is down."],
];

/**
 * Returns the response of `/readyz`. The endpoint is public, so the body contains no address, no database name and no
 * number. A 503 has the shape of a CouchDB error.
 */
export function decideReadiness(checks: ReadinessChecks, { clocksDiffer, activeLimits }: ReadinessNotices): Readiness {
  const details = {
    checks,
    ...(clocksDiffer ? { warnings: [CLOCKS_DIFFER] } : {}),
    ...(activeLimits.length > 0 ? { limits: activeLimits } : {}),
  };
  const failed = REASONS.find(([check]) => !checks[check]);
  if (failed === undefined) return { status: 200, body: { status: 'ready', ...details } };
  return { status: 503, body: { error: 'not_ready', reason: failed[1], ...details } };
}
