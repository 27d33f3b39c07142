import type { Server, ServerResponse } from 'node:http';
import { requestContext, type RequestContext } from '../http/request-context.ts';

/** A request that is over. */
export interface CompletedRequest {
  readonly method: string;
  /** As it stood in the request line; not for a log. */
  readonly rawUrl: string;
  readonly status: number;
  readonly seconds: number;
  /** False when the client had gone before it had the whole answer. */
  readonly complete: boolean;
  readonly context: RequestContext;
}

/**
 * Tells of each request of `server` once it is over. A live request waits for hours, and there are many, so one listener
 * serves them all.
 */
export function observeRequests(server: Server, onCompleted: (over: CompletedRequest) => void): void {
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

/** Express takes the mount's path off `url` while a router is at work, and keeps the whole here. */
function readRawUrl(req: ServerResponse['req']): string {
  return 'originalUrl' in req && typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '');
}
