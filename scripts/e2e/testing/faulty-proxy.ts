/** A proxy before the gate that does to requests what networks, portals and middleboxes do. */
import { once } from 'node:events';
import http from 'node:http';

/** A request of the replication, as faults tell them apart. */
export interface Asked {
  /** The last part of the path: `_changes`, `_bulk_docs` and so on. */
  readonly endpoint: string;
  readonly isLongpoll: boolean;
  readonly since: string;
  /** The rows of the last answer to `_changes` that had any. */
  readonly rows: readonly unknown[];
  /** How many requests this fault has been done to. */
  readonly count: number;
}

export type Done =
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
export type Fault = (asked: Asked) => Done | undefined;

export interface FaultyProxy {
  readonly url: string;
  /** From now on, also for what is open now. */
  readonly setFault: (fault: Fault | undefined) => void;
  /** How many requests were asked of it, and how many were done something to, since the fault was set. */
  readonly counts: () => { readonly asked: number; readonly faulted: number };
  /** The endpoints that were asked for, in their order, from the start. */
  readonly endpoints: () => readonly string[];
  /** Called when a request is asked. Returns what ends that. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly close: () => Promise<void>;
}

const PASS: Fault = () => undefined;

function rowsOf(text: string): readonly unknown[] {
  try {
    const { results } = JSON.parse(text) as { readonly results?: readonly unknown[] };
    return results ?? [];
  } catch {
    return [];
  }
}

export async function openFaultyProxy(serverUrl: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(serverUrl);
  const agent = new http.Agent({ keepAlive: true });
  const listeners = new Set<() => void>();
  const endpoints: string[] = [];
  let fault = PASS;
  let counts = { asked: 0, faulted: 0 };
  let rows: readonly unknown[] = [];

  const pass = (req: http.IncomingMessage, res: http.ServerResponse, half?: 'cut' | 'truncate'): void => {
    const { method, url: path, headers } = req;
    const onward = http.request({ hostname, port, agent, method, path, headers }, (answer) => {
      const heads = { ...answer.headers };
      // What is not whole must not say how long it is.
      if (half !== undefined) delete heads['content-length'];
      res.writeHead(answer.statusCode ?? 502, heads);
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        if (half === undefined) res.write(part);
        else if (half === 'cut') res.write(part.slice(0, part.length / 2), () => res.destroy());
        else res.end(part.slice(0, part.length / 2));
      });
      answer.on('end', () => {
        if (rowsOf(text).length > 0) rows = rowsOf(text);
        res.end();
      });
      answer.on('error', () => res.destroy());
    });
    onward.on('error', () => res.destroy());
    res.on('close', () => onward.destroy());
    req.pipe(onward);
  };

  const server = http.createServer((req, res) => {
    const url = new URL(req.url ?? '/', serverUrl);
    const endpoint = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
    endpoints.push(endpoint);
    const done = fault({
      endpoint,
      isLongpoll: url.searchParams.has('feed'),
      since: url.searchParams.get('since') ?? '0',
      rows,
      count: counts.faulted,
    });
    counts = { asked: counts.asked + 1, faulted: counts.faulted + (done === undefined ? 0 : 1) };
    switch (done?.kind) {
      case undefined:
        pass(req, res);
        break;
      case 'answer':
        req.resume();
        res.writeHead(done.status ?? 200, { 'content-type': 'application/json', ...done.headers }).end(done.body);
        break;
      case 'drop':
        req.socket.destroy();
        break;
      case 'cut':
      case 'truncate':
        pass(req, res, done.kind);
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
      fault = next ?? PASS;
      counts = { asked: 0, faulted: 0 };
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
