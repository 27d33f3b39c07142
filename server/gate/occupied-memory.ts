import { limitedBy, serviceUnavailable, type HttpError } from '../http/errors.ts';

const MEBIBYTE = 1024 * 1024;
/** What has arrived of the bodies of all users together, and their unsent responses. */
const MAX_TOTAL_BYTES = 256 * MEBIBYTE;
/** A user who occupies at most this much is not refused when all users together occupy too much. */
const SMALL_BYTES = MEBIBYTE / 4;

/** The memory that the requests of one user occupy. */
export interface MemoryUsage {
  occupiedBytes: number;
}

/** A request that can be cancelled while its body arrives, or while its client reads the response. */
export interface Cancellable {
  readonly usage: MemoryUsage;
  cancel: ((error: HttpError) => void) | undefined;
}

/**
 * The memory that the requests of all users occupy. Beyond the limit, a request of the user who occupies the most is cancelled, so that
 * no user takes the memory of another. Requests whose bodies have arrived end soon, and are not cancelled.
 */
export class OccupiedMemory {
  readonly #cancellable = new Set<Cancellable>();
  #totalBytes = 0;

  /** Counts bytes of a user. A negative number releases them. */
  add(usage: MemoryUsage, bytes: number): void {
    usage.occupiedBytes += bytes;
    this.#totalBytes += bytes;
    if (bytes > 0 && this.#totalBytes > MAX_TOTAL_BYTES) this.#cancelLargest();
  }

  /** Sets the function that cancels a request; undefined once it cannot be cancelled. */
  setCancel(request: Cancellable, cancel: Cancellable['cancel']): void {
    request.cancel = cancel;
    if (cancel === undefined) this.#cancellable.delete(request);
    else this.#cancellable.add(request);
  }

  #cancelLargest(): void {
    let largest: Cancellable | undefined;
    for (const request of this.#cancellable) {
      if (request.usage.occupiedBytes > (largest?.usage.occupiedBytes ?? SMALL_BYTES)) largest = request;
    }
    if (largest === undefined) return;
    const { cancel } = largest;
    this.setCancel(largest, undefined);
    cancel?.(limitedBy('total_body_bytes', serviceUnavailable('The server is busy.')));
  }
}
