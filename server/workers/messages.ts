/** The messages between the primary process and its workers, and what a worker receives in its environment. */
import type { DemoUser } from '../app/demo-user.ts';
import type { MetricValues } from '../observability/metrics.ts';

/** The environment variable with the worker's `WorkerRole`, in JSON. It is set by the primary only. */
export const ROLE_VARIABLE = 'POUCHGATE_WORKER';

/** What the primary knows and the configuration does not contain. */
export interface WorkerRole {
  /** The number in log lines, from 1. A worker that replaces another has the same one. */
  readonly number: number;
  /** Whether this worker creates the demo user, if there is one. */
  readonly createsDemoUser: boolean;
  /** The embedded engine that the primary has started; its secret is in base64. */
  readonly engine?:
    | {
        readonly url: string;
        readonly username: string;
        readonly password: string;
        readonly jwtSecret: string;
      }
    | undefined;
}

/** A call of a rate limit's counter. */
export interface CountCall {
  /** The limit that is counted. */
  readonly counter: string;
  readonly windowMs: number;
  readonly key: string;
  readonly operation: 'increment' | 'decrement' | 'reset';
}

export interface Count {
  readonly totalHits: number;
  /** The end of the window, in ms since 1970. */
  readonly resetAt: number;
}

export type WorkerMessage =
  | { readonly type: 'ready'; readonly url: string; readonly demo: DemoUser | undefined }
  /** The worker cannot start. It exits after this message. */
  | { readonly type: 'failed'; readonly sentence: string }
  | { readonly type: 'pong' }
  | { readonly type: 'metrics'; readonly callId: number; readonly metrics: MetricValues }
  /** The metrics of a worker that is about to exit. */
  | { readonly type: 'last-metrics'; readonly metrics: MetricValues }
  | { readonly type: 'count'; readonly callId: number; readonly call: CountCall };

export type PrimaryMessage =
  /** `isReplaced`: the other workers keep serving the port. */
  | { readonly type: 'stop'; readonly isReplaced: boolean }
  | { readonly type: 'end-drain-lead' }
  /** The worker responds with a pong, unless its event loop is blocked. */
  | { readonly type: 'ping' }
  | { readonly type: 'collect-metrics'; readonly callId: number }
  | { readonly type: 'counted'; readonly callId: number; readonly count: Count | undefined };
