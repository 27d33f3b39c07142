/** A proxy before the gate that does to requests what networks, portals and middleboxes do. */
import { once } from 'node:events';
import http from 'node:http';

/** A request of the replication, as faults tell them apart. */
export interface ProxiedRequest {
  /** The last part of the path: `_changes`, `_bulk_docs` and so on. */
  readonly endpoint: string;
  readonly isLongpoll: boolean;
  readonly since: string;
  /** The rows of the last answer to `_changes` that had any. */
  readonly rows: readonly unknown[];
  /** How many requests this fault has been done to. */
  readonly faultedCount: number;
}

export type FaultAction =
  | {
      readonly kind: 'answer';
      readonly status?: number;
      readonly headers?: http.OutgoingHttpHeaders;
      readonly body: string;
    }
  /** The connection is cut without an answer. */
  | { readonly kind: 'drop' }
  /** The gate's answer is cut off in its midst: as such (`cut`), or as if that were all. */
  | { readonly kind: 'cut' | 'truncate' };

/** What is done to a request; undefined: it is passed on. */
export type Fault = (asked: ProxiedRequest) => FaultAction | undefined;

export interface FaultyProxy {
  readonly url: string;
  /** From now on, also for what is open now. */
  readonly setFault: (fault: Fault | undefined) => void;
  /** How many requests were asked of it, and how many were done something to, since the fault was set. */
  readonly counts: () => { readonly received: number; readonly faulted: number };
  /** The endpoints that were asked for, in their order, from the start. */
  readonly endpoints: () => readonly string[];
  /** Called when a request is asked. Returns what ends that. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly close: () => Promise<void>;
}

const PASS_THROUGH: Fault = () => undefined;

function parseRows(text: string): readonly unknown[] {
  try {
    const { results } = JSON.parse(text) as { readonly results?: readonly unknown[] };
    return results ?? [];
  } catch {
    return [];
  }
}

export async function startFaultyProxy(serverUrl: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(serverUrl);
  const agent = new http.Agent({ keepAlive: true });
  const listeners = new Set<() => void>();
  const endpoints: string[] = [];
  let fault = PASS_THROUGH;
  let counts = { received: 0, faulted: 0 };
  let rows: readonly unknown[] = [];

  const forward = (req: http.IncomingMessage, res: http.ServerResponse, bodyFault?: 'cut' | 'truncate'): void => {
    const { method, url: path, headers } = req;
    const upstreamRequest = http.request({ hostname, port, agent, method, path, headers }, (response) => {
      const responseHeaders = { ...response.headers };
      // What is not whole must not say how long it is.
      if (bodyFault !== undefined) delete responseHeaders['content-length'];
      res.writeHead(response.statusCode ?? 502, responseHeaders);
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        if (bodyFault === undefined) res.write(part);
        else if (bodyFault === 'cut') res.write(part.slice(0, part.length / 2), () => res.destroy());
        else res.end(part.slice(0, part.length / 2));
      });
      response.on('end', () => {
        if (parseRows(text).length > 0) rows = parseRows(text);
        res.end();
      });
      response.on('error', () => res.destroy());
    });
    upstreamRequest.on('error', () => res.destroy());
    res.on('close', () => upstreamRequest.destroy());
    req.pipe(upstreamRequest);
  };

  const server = http.createServer((req, res) => {
    const url = new URL(req.url ?? '/', serverUrl);
    const endpoint = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
    endpoints.push(endpoint);
    const action = fault({
      endpoint,
      isLongpoll: url.searchParams.has('feed'),
      since: url.searchParams.get('since') ?? '0',
      rows,
      faultedCount: counts.faulted,
    });
    counts = { received: counts.received + 1, faulted: counts.faulted + (action === undefined ? 0 : 1) };
    switch (action?.kind) {
      case undefined:
        forward(req, res);
        break;
      case 'answer':
        req.resume();
        res.writeHead(action.status ?? 200, { 'content-type': 'application/json', ...action.headers }).end(action.body);
        break;
      case 'drop':
        req.socket.destroy();
        break;
      case 'cut':
      case 'truncate':
        forward(req, res, action.kind);
        break;
    }
    for (const listener of [...listeners]) listener();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    setFault: (next) => {
      fault = next ?? PASS_THROUGH;
      counts = { received: 0, faulted: 0 };
    },
    counts: () => counts,
    endpoints: () => endpoints,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {
      server.closeAllConnections();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
