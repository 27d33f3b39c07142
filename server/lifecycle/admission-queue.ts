import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HttpError, sendError } from '../http/errors.ts';

export interface AdmissionOptions {
  /** What the requests are for. */
  readonly handler: RequestListener;
  /** How many connections are open, and how many may be: beyond that the system would refuse them without a word. */
  readonly connections: () => number;
  readonly mostConnections: number;
  /** How many requests of one connection may wait: a client that does not wait for answers takes others' places. */
  readonly mostOfOneConnection?: number;
  /** Told, once, when requests begin to be refused, and when that is over. */
  readonly onShedding?: (shedding: boolean) => void;
  /** A clock, in ms, and a number in [0, 1): whoever is refused should not come back together with all others. */
  readonly now?: () => number;
  readonly random?: () => number;
}

/** Requests begun in one turn of the event loop: some 20 ms of work, so that the next turn parses and tells its health soon. */
const PER_TURN = 32;
/**
 * For so many turns after a connection was accepted, more are held to come, and requests wait. Node accepts one connection
 * in a turn (libuv since 1.45), so turns must be short, or thousands wait in the system's queue, and behind them
 * who asks for the process's health.
 */
const TURNS_OF_ACCEPTING = 32;
/** In ms: while connections come, a turn's worth of requests is begun once in this time; together, so that their reads are one. */
const BETWEEN_BURSTS = 100;
/** In ms: once the first has waited this long one is begun in every turn, whatever comes: requests have to get on too. */
const LONG_WAIT = 1_500;
/** Once the first has waited this long, in ms, more is coming than can be done, and who comes now does better to come later. */
const LONGEST_WAIT = 5_000;
/** Each that waits costs memory. */
const MOST_WAITING = 20_000;
/** In s: between these a refused client is told to wait. */
const RETRY_AFTER = { least: 2, most: 8 } as const;
/** Answered whatever waits, so many in a turn: who asks wants to know whether the process lives. */
const PROBES: readonly string[] = ['/healthz', '/readyz'];
const PROBES_PER_TURN = 8;
/** A browser waits for each answer before it sends the next request on a connection. */
const MOST_OF_ONE_CONNECTION = 32;

interface Waiting {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly since: number;
}

/**
 * Stands before everything else and lets requests in at the pace at which they can be worked off, in the order in which
 * they came. When all clients come back at once (after a restart), a server that begins whatever was parsed is deaf for
 * seconds; here they wait in a queue, and when that gets too long they are refused with 503 and `Retry-After`. No
 * connection is reset.
 */
export class Admission {
  readonly listener: RequestListener = (req, res) => this.#admit(req, res);
  readonly #options: Required<AdmissionOptions>;
  /** How many requests of a connection wait. */
  readonly #waiting = new WeakMap<Socket, number>();
  /** Accepted when there were as many as there may be; those that were there before are served. */
  readonly #tooMany = new WeakSet<Socket>();
  #queue: Waiting[] = [];
  /** Those before this place in the queue have been let in. */
  #first = 0;
  /** How many may still be begun in this turn, and whether another one is to come. */
  #left = PER_TURN;
  #probesLeft = PROBES_PER_TURN;
  #turns = false;
  #turn = 0;
  #acceptedAt = Number.NEGATIVE_INFINITY;
  #burstAt = Number.NEGATIVE_INFINITY;
  #shed = 0;
  #shedding = false;

  constructor(options: AdmissionOptions) {
    this.#options = {
      now: () => performance.now(),
      random: Math.random,
      onShedding: () => undefined,
      mostOfOneConnection: MOST_OF_ONE_CONNECTION,
      ...options,
    };
  }

  /** How many wait. */
  get queued(): number {
    return this.#queue.length - this.#first;
  }

  /** How many were refused since the start. */
  get shed(): number {
    return this.#shed;
  }

  /** A connection was accepted. */
  accepted(socket: Socket): void {
    if (this.#options.connections() > this.#options.mostConnections) this.#tooMany.add(socket);
    this.#acceptedAt = this.#turn;
    this.#left = Math.min(this.#left, 1);
    this.#nextTurn();
  }

  #admit(req: IncomingMessage, res: ServerResponse): void {
    const { handler, mostOfOneConnection, now } = this.#options;
    const { socket } = req;
    if (this.#probesLeft > 0 && PROBES.includes(req.url ?? '')) {
      this.#probesLeft -= 1;
      this.#nextTurn();
      handler(req, res);
      return;
    }
    if (this.#tooMany.has(socket)) {
      res.shouldKeepAlive = false;
      this.#refuse(res, 'There are as many connections as the server can hold.');
      return;
    }
    const first = this.#queue[this.#first];
    if (first === undefined && this.#left > 0) {
      this.#begin(req, res);
      return;
    }
    if (this.queued >= MOST_WAITING || (first !== undefined && now() - first.since > LONGEST_WAIT)) {
      this.#refuse(res, 'The server is busy.');
      return;
    }
    const waiting = this.#waiting.get(socket) ?? 0;
    if (waiting >= mostOfOneConnection) {
      res.shouldKeepAlive = false;
      this.#refuse(res, 'Too many requests wait on this connection.');
      return;
    }
    this.#waiting.set(socket, waiting + 1);
    this.#queue.push({ req, res, since: now() });
    this.#nextTurn();
  }

  #begin(req: IncomingMessage, res: ServerResponse): void {
    this.#left -= 1;
    this.#nextTurn();
    // Whose client has gone meanwhile costs nothing any more.
    if (!req.socket.destroyed) this.#options.handler(req, res);
  }

  #nextTurn(): void {
    if (this.#turns) return;
    this.#turns = true;
    setImmediate(() => {
      this.#turns = false;
      this.#turn += 1;
      this.#left = this.#perTurn();
      this.#probesLeft = PROBES_PER_TURN;
      this.#letIn();
    });
  }

  #perTurn(): number {
    const accepting = this.#turn - this.#acceptedAt <= TURNS_OF_ACCEPTING;
    if (!accepting) return PER_TURN;
    const now = this.#options.now();
    const first = this.#queue[this.#first];
    if (first !== undefined && now - first.since > LONG_WAIT) return 1;
    if (now - this.#burstAt < BETWEEN_BURSTS) return 0;
    this.#burstAt = now;
    return PER_TURN;
  }

  #letIn(): void {
    while (this.#left > 0) {
      const next = this.#queue[this.#first];
      if (next === undefined) break;
      this.#first += 1;
      this.#waiting.set(next.req.socket, (this.#waiting.get(next.req.socket) ?? 1) - 1);
      this.#begin(next.req, next.res);
    }
    if (this.queued > 0) {
      this.#nextTurn();
      return;
    }
    this.#queue = [];
    this.#first = 0;
    this.#show(false);
  }

  #refuse(res: ServerResponse, reason: string): void {
    this.#shed += 1;
    this.#show(true);
    const { least, most } = RETRY_AFTER;
    const seconds = Math.round(least + this.#options.random() * (most - least));
    sendError(res, new HttpError(503, 'service_unavailable', reason, { 'Retry-After': String(seconds) }));
  }

  #show(shedding: boolean): void {
    if (this.#shedding === shedding) return;
    this.#shedding = shedding;
    this.#options.onShedding(shedding);
  }
}
