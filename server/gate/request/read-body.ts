import type { IncomingMessage } from 'node:http';
import { clientDisconnected, HttpError, tooLarge } from '../../http/errors.ts';
import { GrowingBuffer } from '../../lib/growing-buffer.ts';
import type { TimerTask, TimerWheel } from '../../lib/timer-wheel.ts';
import type { Reservation } from '../user-quota.ts';

/** In ms. A body has this long, and the time that its size takes at the lowest rate. */
const MIN_BODY_TIME_MS = 20_000;
/** In bytes per ms (16 KiB/s). A body that arrives more slowly is refused. */
const MIN_RATE = 16.384;
/** In bytes. The rest of a refused body is read and discarded, so that its client receives the response. A longer one is cut off. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

export interface ReadBodyOptions {
  /** The largest body, in bytes. */
  readonly limit: number;
  /** Counts what has arrived. */
  readonly reservation: Reservation;
  readonly timer: TimerWheel;
  /** The time in ms since 1970, as the timer counts it. */
  readonly now: () => number;
}

/**
 * Reads a request's body.
 *
 * @returns Its bytes; empty for a request without a body.
 * @throws HttpError 408 when it arrives too slowly, 413 when it is too large, 499 when the client disconnects, 503 when all users
 *   together occupy too much memory.
 */
export function readBody(req: IncomingMessage, options: ReadBodyOptions): Promise<Uint8Array> {
  return new Promise((resolve, reject) => new BodyReading(req, options, { resolve, reject }).start());
}

interface Outcome {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

class BodyReading implements TimerTask {
  bucket: number | undefined;
  readonly #req: IncomingMessage;
  readonly #options: ReadBodyOptions;
  readonly #outcome: Outcome;
  readonly #deadline: number;
  readonly #buffer: GrowingBuffer;
  /** Set once the body is too large, and the rest of it is discarded. */
  #refusal: HttpError | undefined;
  #discardedBytes = 0;

  constructor(req: IncomingMessage, options: ReadBodyOptions, outcome: Outcome) {
    const announced = Number(req.headers['content-length'] ?? options.limit);
    const size = Math.min(announced, options.limit);
    this.#req = req;
    this.#options = options;
    this.#outcome = outcome;
    this.#deadline = options.now() + MIN_BODY_TIME_MS + size / MIN_RATE;
    this.#buffer = new GrowingBuffer(size);
    if (announced > options.limit) this.#refuse();
  }

  start(): void {
    const { reservation, timer } = this.#options;
    // The client may have disconnected while the request waited.
    if (this.#req.destroyed) {
      this.#outcome.reject(clientDisconnected());
      return;
    }
    reservation.onCancel((error) => this.#fail(error));
    timer.schedule(this.#deadline, this);
    this.#req.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose);
  }

  onExpire(): void {
    const { now, timer } = this.#options;
    if (now() < this.#deadline) timer.schedule(this.#deadline, this);
    else this.#fail(new HttpError(408, 'request_timeout', 'The body did not arrive in time.'));
  }

  readonly #onData = (chunk: Buffer): void => {
    const { limit, reservation } = this.#options;
    if (this.#refusal === undefined && this.#buffer.length + chunk.length > limit) this.#refuse();
    if (this.#refusal !== undefined) {
      this.#discardedBytes += chunk.length;
      if (this.#discardedBytes > MAX_DISCARDED_BYTES) this.#fail(this.#refusal);
      return;
    }
    const before = this.#buffer.capacity;
    this.#buffer.append(chunk);
    reservation.addArrived(this.#buffer.capacity - before);
  };

  readonly #onEnd = (): void => {
    if (this.#refusal !== undefined) {
      this.#fail(this.#refusal);
      return;
    }
    this.#stop();
    this.#outcome.resolve(this.#buffer.bytes);
  };

  readonly #onClose = (): void => this.#fail(clientDisconnected());

  #refuse(): void {
    this.#refusal = tooLarge(`The body has more than ${this.#options.limit} bytes.`);
  }

  #fail(error: HttpError): void {
    this.#stop();
    this.#outcome.reject(error);
  }

  #stop(): void {
    this.#options.timer.cancel(this);
    this.#options.reservation.onCancel(undefined);
    this.#req.pause();
    this.#req.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('error', this.#onClose);
  }
}
