import type { ServerResponse } from 'node:http';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';

/** Why a write was denied; what an operator can tell apart by it. A closed set, since it is a label of a metric. */
export const REJECTION_REASONS = ['not_own', 'invalid', 'conflict', 'tree', 'database', 'oversize'] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** What is found out about a request on its way, for who counts it and writes its line in the log once it is over. */
export interface RequestContext {
  /** Whom its token, or its password, has proved. */
  username?: Username;
  /** The error it was refused with: its stable code, and its status, even if it was too late to send that. */
  error?: { readonly error: string; readonly status: number };
  /** How many rows of it were denied, by cause. */
  rejections?: Readonly<Record<RejectionReason, number>>;
}

const contexts = new WeakMap<ServerResponse, RequestContext>();

/** The notes on the request that `res` answers; whoever finds something out adds it. */
export function requestContext(res: ServerResponse): RequestContext {
  const found = contexts.get(res);
  if (found !== undefined) return found;
  const created: RequestContext = {};
  contexts.set(res, created);
  return created;
}
