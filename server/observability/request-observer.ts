import type { Server, ServerResponse } from 'node:http';
import { requestContext, type RequestContext } from '../http/request-context.ts';

/** A request whose response has ended. */
export interface CompletedRequest {
  readonly method: string;
  /** The URL of the request line. It must not be logged. */
  readonly rawUrl: string;
  readonly status: number;
  readonly seconds: number;
  /** False if the client disconnected before the end of the response. */
  readonly complete: boolean;
  readonly context: RequestContext;
}

/**
 * Calls `onCompleted` for each request of `server` once its response has ended. A single listener serves all responses:
 * live requests are many and last for hours.
 */
export function observeRequests(server: Server, onCompleted: (request: CompletedRequest) => void): void {
  const startTimes = new WeakMap<ServerResponse, number>();
  function onClose(this: ServerResponse): void {
    const { req } = this;
    onCompleted({
      method: req.method ?? '',
      rawUrl: readRawUrl(req),
      status: this.statusCode,
      seconds: (performance.now() - (startTimes.get(this) ?? 0)) / 1000,
      complete: this.writableFinished,
      context: requestContext(this),
    });
  }
  server.prependListener('request', (_req, res) => {
    startTimes.set(res, performance.now());
    res.once('close', onClose);
  });
}

/** Express strips the mount path from `url` inside a router and keeps the original in `originalUrl`. */
function readRawUrl(req: ServerResponse['req']): string {
  return 'originalUrl' in req && typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '');
}
