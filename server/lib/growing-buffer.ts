/** In bytes. The first growth reserves at least this much. */
const MIN_CAPACITY = 16 * 1024;

/**
 * Collects the chunks of a body in one buffer that grows with them, at most to twice what has arrived: the announced size reserves
 * nothing, and many small chunks cost no object each. A single chunk is not copied.
 */
export class GrowingBuffer {
  readonly #maxBytes: number;
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  /** @param maxBytes the size of the whole body, as far as it is known: the buffer does not grow beyond it without need */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The number of bytes that have been appended. */
  get length(): number {
    return this.#length;
  }

  /** The memory that the buffer occupies, in bytes. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** What has been appended. Valid until the next call of `append`. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset, this.#length);
  }

  append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#buffer = chunk;
    } else {
      if (length > this.#buffer.length) this.#grow(length);
      chunk.copy(this.#buffer, this.#length);
    }
    this.#length = length;
  }

  #grow(length: number): void {
    const capacity = Math.max(length, Math.min(Math.max(2 * length, MIN_CAPACITY), this.#maxBytes));
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
