import type { Server, ServerResponse } from 'node:http';
import { notesOf, type RequestNotes } from '../http/request-context.ts';

/** A request that is over. */
export interface RequestOver {
  readonly method: string;
  /** As it stood in the request line; not for a log. */
  readonly rawUrl: string;
  readonly status: number;
  readonly seconds: number;
  /** False when the client had gone before it had the whole answer. */
  readonly complete: boolean;
  readonly notes: RequestNotes;
}

/**
 * Tells of each request of `server` once it is over. A live request waits for hours, and there are many, so one listener
 * serves them all.
 */
export function observeRequests(server: Server, onOver: (over: RequestOver) => void): void {
  const begun = new WeakMap<ServerResponse, number>();
  function tell(this: ServerResponse): void {
    const { req } = this;
    onOver({
      method: req.method ?? '',
      rawUrl: readRawUrl(req),
      status: this.statusCode,
      seconds: (performance.now() - (begun.get(this) ?? 0)) / 1000,
      complete: this.writableFinished,
      notes: notesOf(this),
    });
  }
  server.prependListener('request', (_req, res) => {
    begun.set(res, performance.now());
    res.once('close', tell);
  });
}

/** Express takes the mount's path off `url` while a router is at work, and keeps the whole here. */
function readRawUrl(req: ServerResponse['req']): string {
  return 'originalUrl' in req && typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '');
}
