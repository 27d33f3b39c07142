import type { UpstreamRequestInfo } from '../upstream/client.ts';

/** What a request upstream was for. A closed set, since it is a label of a metric. */
export const UPSTREAM_LABELS = ['leaves', 'facts', 'info', 'sign-in', 'forward', 'other'] as const;
export type UpstreamLabel = (typeof UPSTREAM_LABELS)[number];

export interface DatabaseNames {
  readonly registry: string;
  readonly sessions: string;
}

/**
 * - `leaves`: documents' leaves, many users' in one; `facts`: sessions and suspensions, the same;
 * - `info`: what the readiness probe asks; `sign-in`: passwords;
 * - `forward`, which is counted where it is done: what one user has asked for;
 * - `other`: set-up, new documents, accounts, sessions.
 */
export function upstreamLabel({ method, path }: UpstreamRequestInfo, names: DatabaseNames): UpstreamLabel {
  const [pathname = '', query = ''] = path.split('?', 2);
  const [registry, sessions] = [`/${encodeURIComponent(names.registry)}`, `/${encodeURIComponent(names.sessions)}`];
  if (method === 'POST' && pathname === `${registry}/_changes` && query.includes('filter=_doc_ids')) return 'leaves';
  if (method === 'POST' && pathname === `${sessions}/_all_docs`) return 'facts';
  if (method === 'GET' && pathname === registry) return 'info';
  return method === 'POST' && pathname === '/_session' ? 'sign-in' : 'other';
}

export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'none'] as const;

/** `none`: there was no answer. */
export function statusClass(status: number | undefined): (typeof STATUS_CLASSES)[number] {
  if (status === undefined || status < 200) return 'none';
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
