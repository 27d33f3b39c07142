import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HttpError, limitedBy, sendError } from '../http/errors.ts';
import type { LimitName } from '../http/limit-names.ts';

export interface AdmissionQueueOptions {
  /** Called with each admitted request. */
  readonly handler: RequestListener;
  /** Returns the number of open connections. */
  readonly openConnections: () => number;
  /** Requests on connections beyond this number are rejected. Beyond the system's limit there is no response at all. */
  readonly maxConnections: number;
  /** The maximum number of queued requests of one connection, so that a pipelining client does not fill the queue. Default: 32. */
  readonly maxQueuedPerConnection?: number;
  /** Called when the queue starts and when it stops rejecting requests. */
  readonly onSheddingChange?: (shedding: boolean) => void;
  /** Returns the time in ms. Default: `performance.now`. */
  readonly now?: () => number;
  /** The jitter of `Retry-After`, in [0, 1), so that rejected clients do not retry together. Default: `Math.random`. */
  readonly random?: () => number;
}

/** Requests started per event loop iteration: about 20 ms of work, so that parsing and health checks are not delayed for long. */
const MAX_REQUESTS_PER_TICK = 32;
/**
 * For this many event loop iterations after a connection, more are expected and requests wait. Node accepts one connection
 * per iteration (libuv 1.45 and later). Iterations must be short: otherwise thousands of connections wait in the system's
 * queue, with the health check behind them.
 */
const ACCEPT_WINDOW_TICKS = 32;
/** While connections arrive, one batch of requests is started per interval (ms). A batch shares its upstream reads. */
const BURST_INTERVAL_MS = 100;
/** Once the oldest request has waited this long (ms), every iteration starts one, even while connections arrive. */
const STARVATION_THRESHOLD_MS = 1_500;
/** Once the oldest request has waited this long (ms), the server is overloaded and new requests are rejected. */
const MAX_WAIT_MS = 5_000;
/** Bounds the memory of queued requests. */
const MAX_QUEUED_REQUESTS = 20_000;
/** The bounds of the `Retry-After` of a rejected request, in seconds. */
const RETRY_AFTER_SECONDS = { min: 2, max: 8 } as const;
/** Health checks bypass the queue, because they check whether the process is alive. */
const HEALTH_PATHS: readonly string[] = ['/healthz', '/readyz'];
/** The limit keeps health checks from occupying the process. */
const MAX_PROBES_PER_TICK = 8;
/** A browser does not pipeline: it waits for each response before it sends the next request on a connection. */
const DEFAULT_MAX_QUEUED_PER_CONNECTION = 32;

interface QueuedRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly queuedAt: number;
}

/**
 * Admits requests in order of arrival, at the pace at which the server can handle them. When all clients reconnect at once
 * (after a restart), a server that starts every parsed request does not respond for seconds. Here the requests are queued.
 * When the queue grows too long, new ones are rejected with 503 and `Retry-After`. No connection is reset.
 */
export class AdmissionQueue {
  readonly listener: RequestListener = (req, res) => this.#admit(req, res);
  readonly #options: Required<AdmissionQueueOptions>;
  /** The number of queued requests per connection. */
  readonly #queuedBySocket = new WeakMap<Socket, number>();
  /** Connections accepted beyond `maxConnections`. Those accepted earlier are still served. */
  readonly #overLimitSockets = new WeakSet<Socket>();
  #queue: QueuedRequest[] = [];
  /** The index of the first request that was not yet started. */
  #head = 0;
  /** The number of requests that this iteration may still start. */
  #budget = MAX_REQUESTS_PER_TICK;
  #probeBudget = MAX_PROBES_PER_TICK;
  #tickScheduled = false;
  #tick = 0;
  #acceptedAtTick = Number.NEGATIVE_INFINITY;
  #lastBurstAt = Number.NEGATIVE_INFINITY;
  #shedCount = 0;
  #shedding = false;

  constructor(options: AdmissionQueueOptions) {
    this.#options = {
      now: () => performance.now(),
      random: Math.random,
      onSheddingChange: () => undefined,
      maxQueuedPerConnection: DEFAULT_MAX_QUEUED_PER_CONNECTION,
      ...options,
    };
  }

  /** The number of queued requests. */
  get queued(): number {
    return this.#queue.length - this.#head;
  }

  /** The number of requests rejected since the start. */
  get shed(): number {
    return this.#shedCount;
  }

  /** Call it for each accepted connection. */
  onConnection(socket: Socket): void {
    if (this.#options.openConnections() > this.#options.maxConnections) this.#overLimitSockets.add(socket);
    this.#acceptedAtTick = this.#tick;
    this.#budget = Math.min(this.#budget, 1);
    this.#scheduleTick();
  }

  #admit(req: IncomingMessage, res: ServerResponse): void {
    const { handler, maxQueuedPerConnection, now } = this.#options;
    const { socket } = req;
    if (this.#probeBudget > 0 && HEALTH_PATHS.includes(req.url ?? '')) {
      this.#probeBudget -= 1;
      this.#scheduleTick();
      handler(req, res);
      return;
    }
    if (this.#overLimitSockets.has(socket)) {
      res.shouldKeepAlive = false;
      this.#reject(res, 'connections', 'The server has reached its limit of connections.');
      return;
    }
    const oldest = this.#queue[this.#head];
    if (oldest === undefined && this.#budget > 0) {
      this.#start(req, res);
      return;
    }
    if (this.queued >= MAX_QUEUED_REQUESTS || (oldest !== undefined && now() - oldest.queuedAt > MAX_WAIT_MS)) {
      this.#reject(res, 'admission_queue', 'The server is busy.');
      return;
    }
    const queued = this.#queuedBySocket.get(socket) ?? 0;
    if (queued >= maxQueuedPerConnection) {
      res.shouldKeepAlive = false;
      this.#reject(res, 'pipelined_requests', 'Too many requests are queued on this connection.');
      return;
    }
    this.#queuedBySocket.set(socket, queued + 1);
    this.#queue.push({ req, res, queuedAt: now() });
    this.#scheduleTick();
  }

  #start(req: IncomingMessage, res: ServerResponse): void {
    this.#budget -= 1;
    this.#scheduleTick();
    // The client may have disconnected while the request was queued.
    if (!req.socket.destroyed) this.#options.handler(req, res);
  }

  #scheduleTick(): void {
    if (this.#tickScheduled) return;
    this.#tickScheduled = true;
    setImmediate(() => {
      this.#tickScheduled = false;
      this.#tick += 1;
      this.#budget = this.#nextBudget();
      this.#probeBudget = MAX_PROBES_PER_TICK;
      this.#dequeue();
    });
  }

  #nextBudget(): number {
    const accepting = this.#tick - this.#acceptedAtTick <= ACCEPT_WINDOW_TICKS;
    if (!accepting) return MAX_REQUESTS_PER_TICK;
    const now = this.#options.now();
    const oldest = this.#queue[this.#head];
    if (oldest !== undefined && now - oldest.queuedAt > STARVATION_THRESHOLD_MS) return 1;
    if (now - this.#lastBurstAt < BURST_INTERVAL_MS) return 0;
    this.#lastBurstAt = now;
    return MAX_REQUESTS_PER_TICK;
  }

  #dequeue(): void {
    while (this.#budget > 0) {
      const next = this.#queue[this.#head];
      if (next === undefined) break;
      this.#head += 1;
      this.#queuedBySocket.set(next.req.socket, (this.#queuedBySocket.get(next.req.socket) ?? 1) - 1);
      this.#start(next.req, next.res);
    }
    if (this.queued > 0) {
      this.#scheduleTick();
      return;
    }
    this.#queue = [];
    this.#head = 0;
    this.#setShedding(false);
  }

  #reject(res: ServerResponse, limit: LimitName, reason: string): void {
    this.#shedCount += 1;
    this.#setShedding(true);
    const { min, max } = RETRY_AFTER_SECONDS;
    const seconds = Math.round(min + this.#options.random() * (max - min));
    const error = new HttpError(503, 'service_unavailable', reason, { 'Retry-After': String(seconds) });
    sendError(res, limitedBy(limit, error));
  }

  #setShedding(shedding: boolean): void {
    if (this.#shedding === shedding) return;
    this.#shedding = shedding;
    this.#options.onSheddingChange(shedding);
  }
}
