import type { ServerResponse } from 'node:http';
import { CLIENT_DISCONNECTED_STATUS, hasStarted } from '../http/errors.ts';
import { requestContext, type RequestContext } from '../http/request-context.ts';
import { requestTarget } from '../http/request-target.ts';

/** A request whose response has ended. */
export interface CompletedRequest {
  readonly method: string;
  /** The URL of the request line, below the mount path. It must not be logged. */
  readonly rawUrl: string;
  /** The status that was sent, or the one of the failure if the status had been sent before. `undefined`: none was sent. */
  readonly status: number | undefined;
  readonly seconds: number;
  /** False if the client disconnected before the end of the response. */
  readonly complete: boolean;
  readonly context: RequestContext;
}

/** When a request started, and the path at which the application mounted the gate. */
interface StartedRequest {
  readonly at: number;
  readonly mountPath: string;
}

/**
 * Observes one request. Call it before anything may respond.
 *
 * @param startedAt - When the request arrived, by `performance.now`. Default: now.
 */
export type ObserveRequest = (res: ServerResponse, mountPath?: string, startedAt?: number) => void;

/**
 * Returns a function that observes a request and calls `onCompleted` once its response has ended. A single listener serves all
 * responses: live requests are many and last for hours.
 */
export function createRequestObserver(onCompleted: (request: CompletedRequest) => void): ObserveRequest {
  const started = new WeakMap<ServerResponse, StartedRequest>();
  function onClose(this: ServerResponse): void {
    const { req } = this;
    const { at, mountPath } = started.get(this) ?? { at: 0, mountPath: '' };
    const context = requestContext(this);
    onCompleted({
      method: req.method ?? '',
      rawUrl: requestTarget(req).slice(mountPath.length),
      status: outcomeOf(this, context),
      seconds: (performance.now() - at) / 1000,
      complete: this.writableFinished,
      context,
    });
  }
  return (res, mountPath = '', startedAt = performance.now()) => {
    started.set(res, { at: startedAt, mountPath });
    res.once('close', onClose);
  };
}

function outcomeOf(res: ServerResponse, { error }: RequestContext): number | undefined {
  if (error?.status === CLIENT_DISCONNECTED_STATUS) return undefined;
  // Without a response, Node's `statusCode` is 200.
  return error?.status ?? (hasStarted(res) ? res.statusCode : undefined);
}
