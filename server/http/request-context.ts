import type { ServerResponse } from 'node:http';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import type { TokenRefusalCode } from '../contract.ts';
import type { LimitName } from './limit-names.ts';
import type { Span } from './traceparent.ts';
import type { UpstreamFailure } from './upstream-failure.ts';

/** Why a write was rejected. A closed set, because it is a metric label. */
export const REJECTION_REASONS = ['not_own', 'invalid', 'conflict', 'tree', 'database', 'oversize'] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** The ids that connect a client's request with its log lines. */
export interface RequestIds {
  /** The value of the response's `X-Request-Id`. */
  readonly requestId?: string;
  /** The trace id of the client's `traceparent`. */
  readonly traceId?: string;
}

/** What is known about a request by the time its metrics are counted and its log line is written. */
export interface RequestContext {
  /** Identifies the request in the log, in the response, and in requests to the upstream. */
  requestId?: string;
  /** This request's span in its client's trace; missing without a valid `traceparent`. */
  span?: Span;
  /** The user that its token or password authenticated. */
  username?: Username;
  /** The error it failed with, even when it was too late to send it. */
  error?: {
    readonly error: string;
    readonly status: number;
    readonly code?: TokenRefusalCode | undefined;
    readonly upstream?: UpstreamFailure | undefined;
  };
  /** The limit that rejected or delayed it. */
  limit?: LimitName;
  /** True for a live request, which is open for as long as its client waits for changes. */
  isLive?: boolean;
  /** How many of its rows were rejected, by reason. */
  rejections?: Readonly<Record<RejectionReason, number>>;
}

const contexts = new WeakMap<ServerResponse, RequestContext>();

/** Returns the context of the request that `res` responds to. Any handler may add to it. */
export function requestContext(res: ServerResponse): RequestContext {
  const found = contexts.get(res);
  if (found !== undefined) return found;
  const created: RequestContext = {};
  contexts.set(res, created);
  return created;
}

/** Returns the ids of a request, for its log lines. Empty without a request. */
export function requestIds(res: ServerResponse | undefined): RequestIds {
  const { requestId, span } = res === undefined ? {} : requestContext(res);
  return {
    ...(requestId === undefined ? {} : { requestId }),
    ...(span === undefined ? {} : { traceId: span.traceId }),
  };
}
