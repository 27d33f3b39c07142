import type { UpstreamRequestInfo } from '../upstream/client.ts';

/** The purposes of upstream requests. A closed set, because they are values of a metric's label. */
export const UPSTREAM_LABELS = ['leaves', 'facts', 'info', 'sign-in', 'forward', 'other'] as const;
export type UpstreamLabel = (typeof UPSTREAM_LABELS)[number];

export interface DatabaseNames {
  readonly registry: string;
  readonly sessions: string;
}

/**
 * Returns the purpose of an upstream request:
 *
 * - `leaves`: reads of documents' leaves, batched over users; `facts`: batched reads of sessions and suspensions;
 * - `info`: the readiness probe; `sign-in`: reads of accounts, one for each check of a password and two for each registration;
 * - `other`: set-up, new documents, accounts, sessions.
 *
 * `forward`, a request on behalf of one user, is counted by the forwarder.
 */
export function upstreamLabel({ method, path }: UpstreamRequestInfo, names: DatabaseNames): UpstreamLabel {
  const [pathname = '', query = ''] = path.split('?', 2);
  const [registry, sessions] = [`/${encodeURIComponent(names.registry)}`, `/${encodeURIComponent(names.sessions)}`];
  if (method === 'POST' && pathname === `${registry}/_changes` && query.includes('filter=_doc_ids')) return 'leaves';
  if (method === 'POST' && pathname === `${sessions}/_all_docs`) return 'facts';
  if (method === 'GET' && pathname === registry) return 'info';
  return method === 'POST' && pathname === '/_users/_bulk_get' ? 'sign-in' : 'other';
}

export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'none'] as const;

/** Returns the class of a status; `none` means no response. */
export function statusClass(status: number | undefined): (typeof STATUS_CLASSES)[number] {
  if (status === undefined || status < 200) return 'none';
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
