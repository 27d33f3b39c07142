import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HttpError, sendError } from '../http/errors.ts';

export interface AdmissionQueueOptions {
  /** What the requests are for. */
  readonly handler: RequestListener;
  /** How many connections are open, and how many may be: beyond that the system would refuse them without a word. */
  readonly openConnections: () => number;
  readonly maxConnections: number;
  /** How many requests of one connection may wait: a client that does not wait for answers takes others' places. */
  readonly maxQueuedPerConnection?: number;
  /** Told, once, when requests begin to be refused, and when that is over. */
  readonly onSheddingChange?: (shedding: boolean) => void;
  /** A clock, in ms, and a number in [0, 1): whoever is refused should not come back together with all others. */
  readonly now?: () => number;
  readonly random?: () => number;
}

/** Requests begun in one turn of the event loop: some 20 ms of work, so that the next turn parses and tells its health soon. */
const MAX_REQUESTS_PER_TICK = 32;
/**
 * For so many turns after a connection was accepted, more are held to come, and requests wait. Node accepts one connection
 * in a turn (libuv since 1.45), so turns must be short, or thousands wait in the system's queue, and behind them
 * who asks for the process's health.
 */
const ACCEPT_WINDOW_TICKS = 32;
/** In ms: while connections come, a turn's worth of requests is begun once in this time; together, so that their reads are one. */
const BURST_INTERVAL_MS = 100;
/** In ms: once the first has waited this long one is begun in every turn, whatever comes: requests have to get on too. */
const STARVATION_THRESHOLD_MS = 1_500;
/** Once the first has waited this long, in ms, more is coming than can be done, and who comes now does better to come later. */
const MAX_WAIT_MS = 5_000;
/** Each that waits costs memory. */
const MAX_QUEUED_REQUESTS = 20_000;
/** In s: between these a refused client is told to wait. */
const RETRY_AFTER_SECONDS = { min: 2, max: 8 } as const;
/** Answered whatever waits, so many in a turn: who asks wants to know whether the process lives. */
const HEALTH_PATHS: readonly string[] = ['/healthz', '/readyz'];
const MAX_PROBES_PER_TICK = 8;
/** A browser waits for each answer before it sends the next request on a connection. */
const DEFAULT_MAX_QUEUED_PER_CONNECTION = 32;

interface QueuedRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly queuedAt: number;
}

/**
 * Stands before everything else and lets requests in at the pace at which they can be worked off, in the order in which
 * they came. When all clients come back at once (after a restart), a server that begins whatever was parsed is deaf for
 * seconds; here they wait in a queue, and when that gets too long they are refused with 503 and `Retry-After`. No
 * connection is reset.
 */
export class AdmissionQueue {
  readonly listener: RequestListener = (req, res) => this.#admit(req, res);
  readonly #options: Required<AdmissionQueueOptions>;
  /** How many requests of a connection wait. */
  readonly #queuedBySocket = new WeakMap<Socket, number>();
  /** Accepted when there were as many as there may be; those that were there before are served. */
  readonly #overLimitSockets = new WeakSet<Socket>();
  #queue: QueuedRequest[] = [];
  /** Those before this place in the queue have been let in. */
  #head = 0;
  /** How many may still be begun in this turn, and whether another one is to come. */
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

  /** How many wait. */
  get queued(): number {
    return this.#queue.length - this.#head;
  }

  /** How many were refused since the start. */
  get shed(): number {
    return this.#shedCount;
  }

  /** A connection was accepted. */
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
      this.#reject(res, 'There are as many connections as the server can hold.');
      return;
    }
    const first = this.#queue[this.#head];
    if (first === undefined && this.#budget > 0) {
      this.#start(req, res);
      return;
    }
    if (this.queued >= MAX_QUEUED_REQUESTS || (first !== undefined && now() - first.queuedAt > MAX_WAIT_MS)) {
      this.#reject(res, 'The server is busy.');
      return;
    }
    const waiting = this.#queuedBySocket.get(socket) ?? 0;
    if (waiting >= maxQueuedPerConnection) {
      res.shouldKeepAlive = false;
      this.#reject(res, 'Too many requests wait on this connection.');
      return;
    }
    this.#queuedBySocket.set(socket, waiting + 1);
    this.#queue.push({ req, res, queuedAt: now() });
    this.#scheduleTick();
  }

  #start(req: IncomingMessage, res: ServerResponse): void {
    this.#budget -= 1;
    this.#scheduleTick();
    // Whose client has gone meanwhile costs nothing any more.
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
    const first = this.#queue[this.#head];
    if (first !== undefined && now - first.queuedAt > STARVATION_THRESHOLD_MS) return 1;
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

  #reject(res: ServerResponse, reason: string): void {
    this.#shedCount += 1;
    this.#setShedding(true);
    const { min, max } = RETRY_AFTER_SECONDS;
    const seconds = Math.round(min + this.#options.random() * (max - min));
    sendError(res, new HttpError(503, 'service_unavailable', reason, { 'Retry-After': String(seconds) }));
  }

  #setShedding(shedding: boolean): void {
    if (this.#shedding === shedding) return;
    this.#shedding = shedding;
    this.#options.onSheddingChange(shedding);
  }
}
