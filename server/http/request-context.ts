import type { ServerResponse } from 'node:http';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import type { TokenRefusalCode } from '../contract.ts';

/** Why a write was rejected. A closed set, because it is a metric label. */
export const REJECTION_REASONS = ['not_own', 'invalid', 'conflict', 'tree', 'database', 'oversize'] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** What is known about a request by the time its metrics are counted and its log line is written. */
export interface RequestContext {
  /** The user that its token or password authenticated. */
  username?: Username;
  /** The error it failed with, even when it was too late to send it. */
  error?: { readonly error: string; readonly status: number; readonly code?: TokenRefusalCode | undefined };
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
