import type { AttackGroup } from '../entry.ts';
import { subjectOf, type Hole, type Route } from './holey-proxy.ts';

/** A mistake that someone makes who writes the rewriting proxy themselves, and the group of the list that finds it. */
export interface PlantedHole extends Hole {
  readonly name: string;
  readonly foundBy: AttackGroup;
  /** Whether only requests with a session cookie show it. */
  readonly needsSession?: boolean;
}

const JSON_BODY = { 'content-type': 'application/json' };
const toDatabase = (path: string, route: Partial<Route> = {}): Route => ({ to: 'database', path, ...route });

/** Decodes a path as often as a chain of two servers does. */
const decodeTwice = (path: string): string => {
  try {
    return decodeURIComponent(decodeURIComponent(path));
  } catch {
    return path;
  }
};

export const HOLES: readonly PlantedHole[] = [
  {
    name: 'trusts the doc_ids of the query',
    foundBy: 'changes',
    route: ({ endpoint, query }) => {
      const ids = query.get('doc_ids');
      if (endpoint !== '/_changes' || ids === null || query.has('feed')) return undefined;
      const body = `{"doc_ids":${ids}}`;
      return toDatabase(`/_changes?filter=_doc_ids&include_docs=${String(query.get('include_docs'))}`, {
        method: 'POST',
        headers: JSON_BODY,
        body,
      });
    },
  },
  {
    name: 'adds its own ids to doc_ids of the body, instead of replacing them',
    foundBy: 'changes',
    route: ({ endpoint, method, body, query }) =>
      endpoint === '/_changes' && method === 'POST' && body.includes('"doc_ids":[') && !query.has('feed')
        ? toDatabase(`/_changes?filter=_doc_ids&include_docs=${String(query.get('include_docs'))}`)
        : undefined,
  },
  {
    name: 'does not know that CouchDB reads query keys without regard to case',
    foundBy: 'changes',
    route: ({ endpoint, query }) =>
      endpoint === '/_changes' && query.has('Filter')
        ? toDatabase('/_changes', { method: 'GET', body: '' })
        : undefined,
  },
  {
    name: 'forgets _bulk_get',
    foundBy: 'reads',
    route: ({ endpoint, method }) =>
      endpoint === '/_bulk_get' && method === 'POST' ? toDatabase('/_bulk_get') : undefined,
  },
  {
    name: 'checks only the first row of _bulk_get',
    foundBy: 'reads',
    route: ({ endpoint, body, headers }) =>
      endpoint === '/_bulk_get' && body.startsWith(`{"docs":[{"id":"user_${subjectOf(headers.authorization)}"},`)
        ? toDatabase('/_bulk_get')
        : undefined,
  },
  {
    name: 'forgets _revs_diff',
    foundBy: 'reads',
    route: ({ endpoint }) => (endpoint === '/_revs_diff' ? toDatabase('/_revs_diff') : undefined),
  },
  {
    name: 'decodes paths twice',
    foundBy: 'reads',
    route: ({ method, endpoint = '' }) => {
      const decoded = decodeTwice(endpoint);
      const isDocument = /^\/user_[a-z0-9-]+$/.test(decoded);
      return method === 'GET' && isDocument && decodeURIComponent(endpoint) !== decoded
        ? toDatabase(decoded)
        : undefined;
    },
  },
  {
    name: 'says 403 for a document that exists, and 404 for one that does not',
    foundBy: 'reads',
    respond: async ({ method, endpoint = '', headers }, { exists }) => {
      const id = endpoint.slice(1);
      if (method !== 'GET' || !/^user_[a-z0-9-]+$/.test(id) || id === `user_${subjectOf(headers.authorization)}`)
        return undefined;
      return (await exists(id)) ? { status: 403, body: '{"error":"forbidden","reason":"not yours"}' } : undefined;
    },
  },
  {
    name: 'compares If-None-Match before it compares the id',
    foundBy: 'reads',
    respond: async ({ headers, endpoint = '' }, { exists }) =>
      headers['if-none-match'] !== undefined && (await exists(endpoint.slice(1)))
        ? { status: 304, body: '' }
        : undefined,
  },
  {
    name: 'matches paths without regard to case',
    foundBy: 'paths',
    route: ({ endpoint = '' }) => (/^\/_ALL_DOCS$/.test(endpoint) ? toDatabase('/_all_docs') : undefined),
  },
  {
    name: 'resolves dots after it has checked the path',
    foundBy: 'paths',
    route: ({ method, url, endpoint = '' }) => {
      if (method !== 'GET' || !endpoint.includes('/../')) return undefined;
      const { pathname } = new URL(url, 'http://x');
      return pathname.endsWith('/_all_docs') ? toDatabase('/_all_docs') : undefined;
    },
  },
  {
    name: 'forwards what it does not know',
    foundBy: 'paths',
    route: ({ endpoint = '', method }) =>
      endpoint.startsWith('/_design/') && method === 'GET' ? toDatabase(endpoint) : undefined,
  },
  {
    name: 'forwards the information about the database',
    foundBy: 'activity',
    route: ({ endpoint, method }) => (endpoint === '/' && method === 'GET' ? toDatabase('/') : undefined),
  },
  {
    name: 'restricts only the feed that ends',
    foundBy: 'feeds',
    route: ({ endpoint, query }) =>
      endpoint === '/_changes' && query.get('feed') === 'continuous'
        ? toDatabase('/_changes?feed=continuous&since=now&include_docs=true&heartbeat=1000', {
            method: 'GET',
            body: '',
          })
        : undefined,
  },
  {
    name: 'shares _local documents between users',
    foundBy: 'checkpoints',
    route: ({ endpoint = '', query }) =>
      endpoint.startsWith('/_local/attack-') ? toDatabase(`${endpoint}?${query.toString()}`) : undefined,
  },
  {
    name: 'trusts the headers of CouchDB’s proxy authentication',
    foundBy: 'headers',
    route: ({ headers }, { token }) => {
      const name = headers['x-auth-couchdb-username'];
      return typeof name === 'string' ? { to: 'gate', headers: { authorization: `Bearer ${token(name)}` } } : undefined;
    },
  },
  {
    name: 'trusts X-Rewrite-URL',
    foundBy: 'headers',
    route: ({ headers, method }) => {
      const url = headers['x-rewrite-url'];
      return typeof url === 'string' && method === 'GET' ? toDatabase(`/${url}`) : undefined;
    },
  },
  {
    name: 'takes the first of two tokens',
    foundBy: 'headers',
    route: ({ headers }) => ({ to: 'gate', headers: { authorization: headers.authorization } }),
  },
  {
    name: 'takes tokens from the query',
    foundBy: 'headers',
    route: ({ query }) => {
      const token = query.get('access_token');
      return token === null ? undefined : { to: 'gate', headers: { authorization: `Bearer ${token}` } };
    },
  },
  {
    name: 'obeys method overrides',
    foundBy: 'headers',
    route: ({ method, headers, endpoint = '', query }) =>
      method === 'POST' && headers['x-http-method-override'] === 'DELETE' && endpoint.startsWith('/user_')
        ? toDatabase(`${endpoint}?${query.toString()}`, { method: 'DELETE', body: '' })
        : undefined,
  },
  {
    name: 'decodes tokens without verifying them',
    foundBy: 'tokens',
    route: ({ headers: { authorization = '' } }, { token }) => {
      const subject = subjectOf(authorization);
      return authorization.split('.').length === 3 && subject !== 'undefined'
        ? { to: 'gate', headers: { authorization: `Bearer ${token(subject)}` } }
        : undefined;
    },
  },
  {
    name: 'allows every origin',
    foundBy: 'origins',
    responseHeaders: ({ headers: { origin } }) =>
      origin === undefined ? {} : { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' },
  },
  {
    name: 'removes Origin and Sec-Fetch-Site',
    foundBy: 'origins',
    needsSession: true,
    route: () => ({ to: 'gate', headers: { origin: undefined, 'sec-fetch-site': undefined } }),
  },
  {
    name: 'makes a bearer token of the session cookie',
    foundBy: 'origins',
    needsSession: true,
    route: ({ headers }, { token }) =>
      headers.authorization === undefined && headers.cookie !== undefined
        ? { to: 'gate', headers: { authorization: `Bearer ${token('somebody')}` } }
        : undefined,
  },
  {
    name: 'caches responses by their URL',
    foundBy: 'activity',
    isCaching: true,
  },
  {
    name: 'writes any document by PUT',
    foundBy: 'writes',
    route: ({ method, endpoint = '', query }) =>
      method === 'PUT' && endpoint.startsWith('/user_') ? toDatabase(`${endpoint}?${query.toString()}`) : undefined,
  },
  {
    name: 'checks no rows of _bulk_docs that replication sends',
    foundBy: 'writes',
    route: ({ endpoint, body }) =>
      endpoint === '/_bulk_docs' && body.includes('"new_edits":false') ? toDatabase('/_bulk_docs') : undefined,
  },
  {
    name: 'checks the first of two _id members',
    foundBy: 'writes',
    route: ({ endpoint, body, headers }) =>
      endpoint === '/_bulk_docs' && body.includes(`[{"_id":"user_${subjectOf(headers.authorization)}","_id":`)
        ? toDatabase('/_bulk_docs')
        : undefined,
  },
  {
    name: 'deletes any document',
    foundBy: 'writes',
    route: ({ method, endpoint = '', query }) =>
      method === 'DELETE' && query.has('rev') && endpoint.startsWith('/user_')
        ? toDatabase(`${endpoint}?${query.toString()}`)
        : undefined,
  },
  {
    name: 'has no limit on a body',
    foundBy: 'limits',
    respond: ({ body }) =>
      Promise.resolve(body.length > 1_000_000 ? { status: 200, body: '{"results":[]}' } : undefined),
  },
];
