import type { Socket } from 'node:net';

export interface ConnectionSharesOptions {
  /** The number of connections that the server serves. */
  readonly limit: number;
  /** Returns the number of open connections. */
  readonly openConnections: () => number;
  /** Returns the key of a peer's address; `undefined` for a trusted proxy, whose connections are those of many clients. */
  readonly addressOf: (socket: Socket) => string | undefined;
  /** Called after a connection was destroyed. */
  readonly onDestroyed?: () => void;
}

/** Below this part of the limit, an address may have any number of connections, as an office or a carrier needs. */
const SCARCE_FROM = 3 / 4;
/** Above it, an address that has this part of the limit gets no further connection. */
const SHARE_WHEN_SCARCE = 1 / 16;

/**
 * Counts the open connections by peer address, and destroys new ones of an address that has many while connections are scarce. So one
 * client cannot keep others from connecting.
 */
export class ConnectionShares {
  readonly #options: ConnectionSharesOptions;
  readonly #counts = new Map<string, number>();

  constructor(options: ConnectionSharesOptions) {
    this.#options = options;
  }

  /**
   * Call it for each accepted connection.
   *
   * @returns False if it was destroyed.
   */
  onConnection(socket: Socket): boolean {
    const address = this.#options.addressOf(socket);
    if (address === undefined) return true;
    const { limit, openConnections } = this.#options;
    const count = this.#counts.get(address) ?? 0;
    if (openConnections() > limit * SCARCE_FROM && count >= limit * SHARE_WHEN_SCARCE) {
      socket.destroy();
      this.#options.onDestroyed?.();
      return false;
    }
    this.#counts.set(address, count + 1);
    socket.once('close', () => this.#release(address));
    return true;
  }

  #release(address: string): void {
    const left = (this.#counts.get(address) ?? 1) - 1;
    if (left === 0) this.#counts.delete(address);
    else this.#counts.set(address, left);
  }
}
