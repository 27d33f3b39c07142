import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';
import http, { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { authorizationOf, type UpstreamAccess } from '../../../upstream/client.ts';
import { claimsOf } from '../users/claims.ts';

/** A client's request, before the proxy decides what becomes of it. */
export interface ProxiedRequest {
  readonly method: string;
  /** The raw request target. */
  readonly url: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The path below the public database's, such as `/_changes`; undefined for other paths. */
  readonly endpoint: string | undefined;
}

/** What the proxy sends instead of the client's request, or instead of the gate's response. */
export interface Route {
  /** `database`: with an administrator's rights. */
  readonly to: 'gate' | 'database';
  readonly method?: string;
  /** At `database` below the registry, unless it begins with two slashes. */
  readonly path?: string;
  /** Replaces headers; `undefined` removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
}

/** The deployment behind the proxy. */
export interface HoleContext {
  readonly registry: string;
  /** Issues a valid token. */
  readonly token: (username: string) => string;
  /** Whether the document exists. */
  readonly exists: (id: string) => Promise<boolean>;
}

/** One mistake. Undefined leaves the request to the gate. */
export interface Hole {
  readonly route?: (request: ProxiedRequest, context: HoleContext) => Route | undefined | Promise<Route | undefined>;
  /** Answers a request itself. */
  readonly respond?: (
    request: ProxiedRequest,
    context: HoleContext,
  ) => Promise<{ status: number; body: string } | undefined>;
  /** Adds headers to a response. */
  readonly responseHeaders?: (request: ProxiedRequest) => OutgoingHttpHeaders;
  /** Whether successful GETs are answered from a cache by URL. */
  readonly isCaching?: boolean;
}

export interface HoleyProxyOptions {
  readonly gateUrl: string;
  readonly database: UpstreamAccess;
  readonly registry: string;
  readonly token: (username: string) => string;
  readonly hole: Hole;
}

/** Starts a proxy in front of a gate that makes one mistake. Everything else is passed on unchanged. */
export async function startHoleyProxy(options: HoleyProxyOptions): Promise<{ url: string; close(): Promise<void> }> {
  const context: HoleContext = {
    registry: options.registry,
    token: options.token,
    exists: async (id) => {
      const headers = { Authorization: authorizationOf(options.database) };
      return (await fetch(`${options.database.url}/${options.registry}/${encodeURIComponent(id)}`, { headers })).ok;
    },
  };
  const cache = new Map<string, { status: number; headers: OutgoingHttpHeaders; body: string }>();
  const agent = new http.Agent({ keepAlive: true });

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const request = parseRequest(req, await readBody(req), options.registry);
    const { hole } = options;
    const own = await hole.respond?.(request, context);
    if (own !== undefined) {
      res.writeHead(own.status, { 'Content-Type': 'application/json' }).end(own.body);
      return;
    }
    const cached = hole.isCaching === true && request.method === 'GET' ? cache.get(request.url) : undefined;
    if (cached !== undefined) {
      res.writeHead(cached.status, cached.headers).end(cached.body);
      return;
    }
    const route = (await hole.route?.(request, context)) ?? { to: 'gate' };
    const target = new URL(route.to === 'gate' ? options.gateUrl : options.database.url);
    const upstream = http.request({
      agent,
      hostname: target.hostname,
      port: target.port,
      method: route.method ?? request.method,
      path: pathOf(route, request, options.registry),
      headers: headersOf(route, req, request, options.database),
    });
    upstream.on('error', () => res.destroy());
    res.on('close', () => upstream.destroy());
    upstream.on('response', (response) => {
      const headers = { ...response.headers, ...hole.responseHeaders?.(request) };
      res.writeHead(response.statusCode ?? 502, headers);
      res.flushHeaders();
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => cache.set(request.url, { status: response.statusCode ?? 502, headers, body }));
      response.on('error', () => res.destroy());
      response.pipe(res);
    });
    upstream.end(route.body ?? request.body);
  };

  const server = createServer((req, res) => void handle(req, res).catch(() => res.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return closeAfterTests({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  });
}

/** The user that a token names, without a check of its signature. */
export const subjectOf = (authorization = ''): string => String(claimsOf(authorization.replace(/^Bearer /, ''))['sub']);

function parseRequest(req: IncomingMessage, body: string, registry: string): ProxiedRequest {
  const { method = '', url = '', headers } = req;
  const [path = '', query = ''] = url.split('?', 2);
  const base = `/sync/${registry}`;
  const endpoint = path.startsWith(base) ? path.slice(base.length) : undefined;
  return { method, url, path, query: new URLSearchParams(query), headers, body, endpoint };
}

async function readBody(req: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of req.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
  return body;
}

function pathOf({ to, path }: Route, { url }: ProxiedRequest, registry: string): string {
  if (path === undefined) return url;
  if (to === 'gate') return path;
  return path.startsWith('//') ? path.slice(1) : `/${registry}${path}`;
}

/** Every header line is passed on, also duplicates. */
function headersOf(
  { to, headers: replaced = {}, body }: Route,
  { rawHeaders }: IncomingMessage,
  request: ProxiedRequest,
  database: UpstreamAccess,
): OutgoingHttpHeaders {
  const headers: Record<string, string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    (headers[name] ??= []).push(rawHeaders[index + 1] ?? '');
  }
  const all = {
    ...Object.fromEntries(
      Object.entries(headers).map(([name, values]) => [name, values.length > 1 ? values : values[0]]),
    ),
    ...Object.fromEntries(Object.entries(replaced).map(([name, value]) => [name.toLowerCase(), value])),
    ...(to === 'database' ? { authorization: authorizationOf(database), 'accept-encoding': 'identity' } : {}),
    'transfer-encoding': undefined,
    'content-length': String(Buffer.byteLength(body ?? request.body)),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
