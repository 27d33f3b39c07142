import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { PreparedRefusals } from '../http/prepared-refusal.ts';
import { FairQueue, type QueuedItem } from '../lib/fair-queue.ts';
import { LinkedList, type ListNode } from '../lib/linked-list.ts';
import { AdmissionPace } from './admission-pace.ts';
import { HealthChecks } from './health-checks.ts';

/** Handles an admitted request, which arrived at `arrivedAt` (a time of `performance.now`, in ms). */
export type AdmittedRequestListener = (req: IncomingMessage, res: ServerResponse, arrivedAt: number) => void;

export interface AdmissionQueueOptions {
  /** Called with each admitted request. */
  readonly handler: AdmittedRequestListener;
  /** Returns the key of a request's client. Clients have equal shares. Called only while requests wait. */
  readonly keyOf: (req: IncomingMessage) => string;
  readonly refusals: Pick<PreparedRefusals, 'send'>;
  /** Returns the number of open connections. */
  readonly openConnections: () => number;
  /** Requests on connections beyond this number are refused. Beyond the system's limit there is no response at all. */
  readonly maxConnections: number;
  /** A request that has waited this long is refused, in ms. */
  readonly maxWaitMs?: number;
  /** When this many requests are queued, clients that have several of them can queue no more. */
  readonly maxQueuedRequests?: number;
  readonly pace?: AdmissionPace;
  /** Returns the time in ms. Default: `performance.now`. */
  readonly now?: () => number;
}

/**
 * In ms. A request is held for this long before it is refused, so that a client that retries at once does so rarely. It is below the
 * 9 s after which the client library replaces a silent connection.
 */
const DEFAULT_MAX_WAIT_MS = 7_000;
/** Bounds the memory of queued requests. */
const DEFAULT_MAX_QUEUED_REQUESTS = 20_000;
/** When the queue is full, clients with fewer queued requests than this may still queue one, up to twice the limit in all. */
const MIN_QUEUED_PER_CLIENT = 16;
/** Overdue requests refused per event loop iteration: about 3 ms of work. */
const MAX_OVERDUE_PER_ITERATION = 64;
/** The fair queue counts each request as this much work, in ms. Users' measured work is charged once they are known. */
const COST_MS = 1;
const COST_DECAY_MS = 1_000;

interface QueuedRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly queuedAt: number;
  /** Its place in the order of arrival. */
  arrival: ListNode<QueuedItem<QueuedRequest>> | undefined;
}

/**
 * Admits requests at the pace at which the server can start them, in fair order by client. When all clients reconnect at once (after
 * a restart), a server that starts every parsed request does not respond for seconds. Here the requests wait, and a client that
 * sends many of them delays its own. A request that has waited too long gets 503 with `Retry-After`. No connection is reset.
 */
export class AdmissionQueue {
  readonly listener: RequestListener = (req, res) => this.#admit(req, res);
  readonly #options: Required<AdmissionQueueOptions>;
  readonly #fair: FairQueue<QueuedRequest>;
  /** The requests of `#fair` in order of arrival. */
  readonly #arrivals = new LinkedList<QueuedItem<QueuedRequest>>();
  readonly #healthChecks = new HealthChecks();
  /** Connections accepted beyond `maxConnections`. Those accepted earlier are still served. */
  readonly #overLimitSockets = new WeakSet<Socket>();
  #isIterationScheduled = false;

  constructor(options: AdmissionQueueOptions) {
    this.#options = {
      maxWaitMs: DEFAULT_MAX_WAIT_MS,
      maxQueuedRequests: DEFAULT_MAX_QUEUED_REQUESTS,
      pace: new AdmissionPace(),
      now: () => performance.now(),
      ...options,
    };
    this.#fair = new FairQueue({ quantumMs: COST_MS, decayMs: COST_DECAY_MS, now: this.#options.now });
  }

  /** The number of queued requests. */
  get queued(): number {
    return this.#fair.size;
  }

  /** Call it for each accepted connection. */
  onConnection(socket: Socket): void {
    if (this.#options.openConnections() > this.#options.maxConnections) this.#overLimitSockets.add(socket);
    this.#wake(this.#options.now());
    this.#options.pace.onConnection();
  }

  #admit(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    // The connection was closed while this request was parsed together with earlier ones.
    if (socket.destroyed) return;
    const now = this.#options.now();
    this.#wake(now);
    const isOverLimit = this.#overLimitSockets.has(socket);
    if (!isOverLimit && this.#fair.size === 0 && this.#options.pace.mayStart(now)) {
      this.#options.handler(req, res, now);
      return;
    }
    const key = this.#options.keyOf(req);
    if (this.#healthChecks.mayBypass(req, key, now)) this.#options.handler(req, res, now);
    else if (isOverLimit) this.#refuseConnection(req, res);
    else if (this.#isFullFor(key)) this.#options.refusals.send(req, res, 'admission_queue');
    else this.#enqueue(key, { req, res, queuedAt: now, arrival: undefined });
  }

  #enqueue(key: string, request: QueuedRequest): void {
    request.arrival = this.#arrivals.push(this.#fair.push(key, request));
  }

  #isFullFor(key: string): boolean {
    const { size } = this.#fair;
    const { maxQueuedRequests: max } = this.#options;
    if (size < max) return false;
    return size >= 2 * max || this.#fair.sizeOf(key) >= MIN_QUEUED_PER_CLIENT;
  }

  #refuseConnection(req: IncomingMessage, res: ServerResponse): void {
    res.shouldKeepAlive = false;
    this.#options.refusals.send(req, res, 'connections');
  }

  /** Begins an iteration of the event loop for the pace, unless one has begun. It ends with the next immediate. */
  #wake(now: number): void {
    if (this.#isIterationScheduled) return;
    this.#options.pace.onWake(now);
    this.#scheduleIteration();
  }

  #scheduleIteration(): void {
    this.#isIterationScheduled = true;
    setImmediate(() => {
      this.#isIterationScheduled = false;
      this.#options.pace.onIteration(this.#options.now());
      this.#refuseOverdue();
      this.#startQueued();
      if (this.#fair.size > 0 || this.#options.pace.isAccepting) this.#scheduleIteration();
    });
  }

  #startQueued(): void {
    while (this.#fair.size > 0 && this.#options.pace.mayStart(this.#options.now())) {
      const request = this.#fair.shift();
      if (request === undefined) return;
      const { req, res, queuedAt, arrival } = request;
      if (arrival !== undefined) this.#arrivals.remove(arrival);
      // The client may have disconnected in the meantime.
      if (!req.socket.destroyed) this.#options.handler(req, res, queuedAt);
    }
  }

  #refuseOverdue(): void {
    const overdueSince = this.#options.now() - this.#options.maxWaitMs;
    for (let n = 0; n < MAX_OVERDUE_PER_ITERATION; n += 1) {
      const first = this.#arrivals.first;
      if (first === undefined || first.value.item.queuedAt > overdueSince) return;
      this.#arrivals.remove(first);
      this.#fair.remove(first.value);
      const { req, res } = first.value.item;
      if (!req.socket.destroyed) this.#options.refusals.send(req, res, 'admission_queue');
    }
  }
}
