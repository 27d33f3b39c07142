/** Records the requests of one client that failed and that are pending, so that a failed check contains the cause. */
import type { Dispatcher } from 'undici';

export interface FailedRequest {
  /** The status, or `no response`, or `cut off` when the response had begun. */
  readonly outcome: string;
  /** The request, its outcome, its duration, and the response's body or the error. */
  readonly text: string;
}

export interface RequestLog {
  /** For `compose` of a dispatcher. */
  readonly interceptor: Dispatcher.DispatcherComposeInterceptor;
  /** The number of requests that have ended. Those that the client aborted itself do not count. */
  readonly endedCount: () => number;
  /** The requests without a response, with an incomplete one, or with a status from 500 or of 429. */
  readonly failures: readonly FailedRequest[];
  /** Describes the requests that have received nothing for at least `minMs`. */
  readonly silent: (minMs: number) => readonly string[];
}

const MAX_BODY_CHARS = 300;

const isFailure = (status: number): boolean => status >= 500 || status === 429;

/** `onFailure` is called with the text of each failure. */
export function createRequestLog(onFailure: (text: string) => void): RequestLog {
  const failures: FailedRequest[] = [];
  const pending = new Set<RequestObserver>();
  let endedCount = 0;
  const onEnd = (request: RequestObserver, failure?: FailedRequest): void => {
    if (!pending.delete(request)) return;
    endedCount += 1;
    if (failure === undefined) return;
    failures.push(failure);
    onFailure(failure.text);
  };
  return {
    interceptor: (dispatch) => (options, handler) => {
      const request = new RequestObserver(handler, `${options.method} ${options.path.slice(0, 80)}`, {
        onEnd,
        onAbort: (aborted) => pending.delete(aborted),
      });
      pending.add(request);
      return dispatch(options, request);
    },
    endedCount: () => endedCount,
    failures,
    silent: (minMs) => [...pending].filter(({ silentMs }) => silentMs >= minMs).map((request) => request.describe()),
  };
}

interface RequestEvents {
  readonly onEnd: (request: RequestObserver, failure?: FailedRequest) => void;
  /** The client has aborted the request. */
  readonly onAbort: (request: RequestObserver) => void;
}

type HandlerArguments<Name extends keyof Dispatcher.DispatchHandler> = Parameters<
  NonNullable<Dispatcher.DispatchHandler[Name]>
>;

class RequestObserver implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #name: string;
  readonly #events: RequestEvents;
  readonly #sentAt = performance.now();
  #activeAt = performance.now();
  #status: number | undefined;
  #receivedBytes = 0;
  #body = '';

  constructor(handler: Dispatcher.DispatchHandler, name: string, events: RequestEvents) {
    this.#handler = handler;
    this.#name = name;
    this.#events = events;
  }

  /** How long nothing has arrived, in ms. */
  get silentMs(): number {
    return performance.now() - this.#activeAt;
  }

  describe(): string {
    const status = this.#status === undefined ? 'no response' : `status ${this.#status}, ${this.#receivedBytes} bytes`;
    return `${this.#name}: ${status}, sent ${this.#since(this.#sentAt)} ago, silent for ${this.#since(this.#activeAt)}`;
  }

  onRequestStart(...args: HandlerArguments<'onRequestStart'>): void {
    this.#handler.onRequestStart?.(...args);
  }

  onResponseStart(...args: HandlerArguments<'onResponseStart'>): void {
    const [, status] = args;
    this.#status = status;
    this.#activeAt = performance.now();
    this.#handler.onResponseStart?.(...args);
  }

  onResponseData(...args: HandlerArguments<'onResponseData'>): void {
    const [, chunk] = args;
    this.#activeAt = performance.now();
    this.#receivedBytes += chunk.length;
    if (isFailure(this.#status ?? 0)) this.#body = (this.#body + chunk.toString('utf8')).slice(0, MAX_BODY_CHARS);
    this.#handler.onResponseData?.(...args);
  }

  onResponseEnd(...args: HandlerArguments<'onResponseEnd'>): void {
    const status = this.#status ?? 0;
    const failure = isFailure(status) ? this.#describeFailure(String(status), this.#body) : undefined;
    this.#events.onEnd(this, failure);
    this.#handler.onResponseEnd?.(...args);
  }

  onResponseError(...args: HandlerArguments<'onResponseError'>): void {
    const [, error] = args;
    if (error.name === 'AbortError') this.#events.onAbort(this);
    else {
      const outcome = this.#status === undefined ? 'no response' : 'cut off';
      this.#events.onEnd(this, this.#describeFailure(outcome, `${codeOf(error)}: ${error.message}`));
    }
    this.#handler.onResponseError?.(...args);
  }

  #describeFailure(outcome: string, detail: string): FailedRequest {
    const text = detail.replaceAll(/\s+/g, ' ').trim();
    return { outcome, text: `${this.#name}: ${outcome} after ${this.#since(this.#sentAt)}: ${text}` };
  }

  #since(at: number): string {
    return `${((performance.now() - at) / 1000).toFixed(2)} s`;
  }
}

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : error.name);
