/** A proxy in front of the gate that simulates the faults of networks, captive portals and middleboxes. */
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { once } from 'node:events';
import http from 'node:http';

/** A replication request, as faults see it. */
export interface ProxiedRequest {
  /** The last segment of the path: `_changes`, `_bulk_docs` and so on. */
  readonly endpoint: string;
  readonly isLongpoll: boolean;
  readonly since: string;
  /** The rows of the last `_changes` response that had any. */
  readonly rows: readonly unknown[];
  /** The number of requests to which this fault was applied. */
  readonly faultedCount: number;
}

export type FaultAction =
  | {
      readonly kind: 'respond';
      readonly status?: number;
      readonly headers?: http.OutgoingHttpHeaders;
      readonly body: string;
    }
  /** Closes the connection without a response. */
  | { readonly kind: 'drop' }
  /** Sends half of the gate's response: then closes the connection (`cut`), or ends the response (`truncate`). */
  | { readonly kind: 'cut' | 'truncate' };

/** Returns the fault of a request; undefined forwards the request. */
export type Fault = (request: ProxiedRequest) => FaultAction | undefined;

export interface FaultyProxy {
  readonly url: string;
  /** Sets the fault of the requests from now on, those on open connections included. Resets the counts. */
  readonly setFault: (fault: Fault | undefined) => void;
  /** The numbers of received requests and of faulted requests since the fault was set. */
  readonly counts: () => { readonly received: number; readonly faulted: number };
  /** The endpoints of all requests, in order. */
  readonly endpoints: () => readonly string[];
  /** Calls `listener` at every request. Returns a function that unsubscribes. */
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
      // An incomplete body must not have a content length.
      if (bodyFault !== undefined) delete responseHeaders['content-length'];
      res.writeHead(response.statusCode ?? 502, responseHeaders);
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (bodyFault === undefined) res.write(chunk);
        else if (bodyFault === 'cut') res.write(chunk.slice(0, chunk.length / 2), () => res.destroy());
        else res.end(chunk.slice(0, chunk.length / 2));
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
      case 'respond':
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
  return closeAfterTests({
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
  });
}
