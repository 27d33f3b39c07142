/** For how long an event loop iteration may start requests, in ms. In between, connections are accepted and responses sent. */
const DEFAULT_SLICE_MS = 5;
/**
 * This many consecutive iterations that each accepted a connection mean that more wait in the system's queue. Node accepts one
 * connection per iteration (libuv 1.45 and later).
 */
const MIN_ACCEPTING_ITERATIONS = 3;
/** The longest that waiting connections delay waiting requests, in ms, and the slices of requests that follow. */
const MAX_ACCEPT_MS = 200;
const SLICES_AFTER_ACCEPT = 2;

/**
 * Divides the event loop between connections that wait to be accepted and requests that wait to be started. While connections wait,
 * iterations are short and start nothing, so that thousands of connections, and the health check behind them, are accepted soon. An
 * endless flood of connections, of several thousand per second, leaves 10 ms in 210 for starting requests. It reads no clock: times are
 * parameters, in ms.
 */
export class AdmissionPace {
  readonly #sliceMs: number;
  #hasAccepted = false;
  #acceptingIterations = 0;
  #sliceEndsAt = Number.NEGATIVE_INFINITY;

  /** @param sliceMs - For how long an event loop iteration may start requests. With 0 none is ever started. */
  constructor(sliceMs = DEFAULT_SLICE_MS) {
    this.#sliceMs = sliceMs;
  }

  /** Whether the last iteration accepted a connection, so that the next one has to be observed. */
  get isAccepting(): boolean {
    return this.#acceptingIterations > 0;
  }

  /** Call it for each accepted connection. */
  onConnection(): void {
    this.#hasAccepted = true;
  }

  /** Call it once at the end of each iteration in which something arrived, and while requests wait. */
  onIteration(now: number): void {
    this.#acceptingIterations = this.#hasAccepted ? this.#acceptingIterations + 1 : 0;
    this.#hasAccepted = false;
    const connectionsWait = this.#acceptingIterations >= MIN_ACCEPTING_ITERATIONS;
    if (!connectionsWait) this.#sliceEndsAt = now + this.#sliceMs;
    else if (now - this.#sliceEndsAt >= MAX_ACCEPT_MS) this.#sliceEndsAt = now + SLICES_AFTER_ACCEPT * this.#sliceMs;
  }

  /** Call it when something arrives after an iteration that was not reported, because nothing had happened. */
  onWake(now: number): void {
    this.#sliceEndsAt = now + this.#sliceMs;
  }

  /** Whether this iteration may start another request. */
  mayStart(now: number): boolean {
    return now < this.#sliceEndsAt;
  }
}
