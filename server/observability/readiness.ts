/** What readiness rests on; each true when it is well. */
export interface ReadinessChecks {
  /** The server is not about to stop. */
  readonly not_draining: boolean;
  /** Changes are told as they happen. */
  readonly registry_feed: boolean;
  /** Ended sessions and suspended accounts are heard of as they happen. */
  readonly sessions_feed: boolean;
  /** The database has answered a request just now. */
  readonly upstream: boolean;
}

export type Readiness =
  | { readonly status: 200; readonly body: { readonly status: 'ready'; readonly checks: ReadinessChecks } }
  | {
      readonly status: 503;
      readonly body: { readonly error: 'not_ready'; readonly reason: string; readonly checks: ReadinessChecks };
    };

/** In the order in which they are told: what comes first is what makes the others fail. */
const REASONS: readonly (readonly [keyof ReadinessChecks, string])[] = [
  ['not_draining', 'The server is stopping.'],
  ['upstream', 'The database does not answer.'],
  ['registry_feed', "The feed of the documents' changes is down."],
  ['sessions_feed', "The feed of the sessions' ends is down."],
];

/**
 * Whether new requests should come here. Told to anybody, so it names no address, no database and no number; the body of a
 * refusal has CouchDB's shape.
 */
export function decideReadiness(checks: ReadinessChecks): Readiness {
  const failed = REASONS.find(([check]) => !checks[check]);
  if (failed === undefined) return { status: 200, body: { status: 'ready', checks } };
  return { status: 503, body: { error: 'not_ready', reason: failed[1], checks } };
}
