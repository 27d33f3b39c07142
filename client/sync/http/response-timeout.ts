/** Limits how long a request may wait for its response, so that it does not hang when packets are lost. */

/** A slow uplink, in bytes per millisecond: the request body must be sent before the server can respond. */
const MIN_UPLOAD_RATE = 4;

export interface ResponseTimeout {
  /** Restarts the timeout. */
  readonly recordActivity: () => void;
  readonly stop: () => void;
}

/** Calls `onTimeout` when nothing arrives for `timeoutMs`, in addition to the time that the body takes to be sent. */
export function startResponseTimeout(timeoutMs: number, body: unknown, onTimeout: () => void): ResponseTimeout {
  const uploadMs = typeof body === 'string' ? body.length / MIN_UPLOAD_RATE : 0;
  let timer = setTimeout(onTimeout, timeoutMs + uploadMs);
  const stop = (): void => clearTimeout(timer);
  return {
    recordActivity: () => {
      stop();
      timer = setTimeout(onTimeout, timeoutMs);
    },
    stop,
  };
}
