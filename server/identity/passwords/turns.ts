import { HttpError, clientDisconnected } from '../../http/errors.ts';
import { FairQueue, type QueuedItem } from '../../lib/fair-queue.ts';

export interface TurnsOptions {
  /** How many tasks run at once. */
  readonly maxRunning: number;
  /** Returns the current time, in ms. It never goes back. */
  readonly now: () => number;
  /** Limits that tests lower. */
  readonly limits?: TurnLimits;
}

export interface TurnLimits {
  /** How many tasks of all keys wait at most. */
  readonly maxWaiting: number;
  /** How many tasks of one key wait at most: those that its turns serve within `maxWaitMs`, when others wait too. */
  readonly maxWaitingPerKey: number;
  /** In ms. A browser's user has given up by then. */
  readonly maxWaitMs: number;
}

const DEFAULT_LIMITS: TurnLimits = { maxWaiting: 4_096, maxWaitingPerKey: 64, maxWaitMs: 15_000 };

/** In ms of one core: about the cost of one check of a password. */
const QUANTUM_MS = 200;
/** In ms. After a minute, an address that has signed many users in is served like any other. */
const DECAY_MS = 60_000;

interface WaitingTask {
  readonly start: () => void;
}

/** A task whose turn it is. `end` frees its place. */
interface Turn {
  end(): void;
}

/**
 * Runs a few expensive tasks at once, in fair order of their keys (the clients' addresses): a client that sends a thousand
 * delays the next client by one. The number of waiting tasks is bounded, and a task whose client has left never starts.
 */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #limits: TurnLimits;
  readonly #queue: FairQueue<WaitingTask>;
  #running = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#queue = new FairQueue({ quantumMs: QUANTUM_MS, decayMs: DECAY_MS, now: options.now });
  }

  /** The number of tasks that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Runs a task when it is its key's turn.
   *
   * @param key - Whose task it is.
   * @param signal - Aborts while the task waits, because its client has disconnected.
   * @param work - The task.
   * @returns The result of the task.
   * @throws HttpError 503 if too many tasks wait or the task has waited too long, 499 if the client has disconnected.
   */
  async run<T>(key: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const turn = await this.#nextTurn(key, signal);
    try {
      return await work();
    } finally {
      turn.end();
    }
  }

  async #nextTurn(key: string, signal: AbortSignal | undefined): Promise<Turn> {
    if (signal?.aborted === true) throw clientDisconnected();
    const { maxWaiting, maxWaitingPerKey } = this.#limits;
    if (this.#running < this.#options.maxRunning && this.#queue.size === 0) return this.#startTurn(key);
    if (this.#queue.size >= maxWaiting || this.#queue.sizeOf(key) >= maxWaitingPerKey) throw tooManySignIns();
    return await this.#waitForTurn(key, signal);
  }

  #startTurn(key: string): Turn {
    this.#running += 1;
    const startedAt = this.#options.now();
    return {
      end: () => {
        this.#running -= 1;
        this.#queue.charge(key, this.#options.now() - startedAt);
        if (this.#running < this.#options.maxRunning) this.#queue.shift()?.start();
      },
    };
  }

  #waitForTurn(key: string, signal: AbortSignal | undefined): Promise<Turn> {
    return new Promise((resolve, reject) => {
      const stopWaiting = (): void => {
        clearTimeout(timeout);
        signal?.removeEventListener('abort', onAbort);
      };
      const leave = (error: Error): void => {
        stopWaiting();
        this.#queue.remove(queued);
        reject(error);
      };
      const onAbort = (): void => leave(clientDisconnected());
      const timeout = setTimeout(() => leave(tooManySignIns()), this.#limits.maxWaitMs);
      signal?.addEventListener('abort', onAbort);
      const queued: QueuedItem<WaitingTask> = this.#queue.push(key, {
        start: () => {
          stopWaiting();
          resolve(this.#startTurn(key));
        },
      });
    });
  }
}

const RETRY_AFTER_SECONDS = '5';

const tooManySignIns = (): HttpError =>
  new HttpError(503, 'service_unavailable', 'Too many sign-ins are in progress. Try again in a few seconds.', {
    'Retry-After': RETRY_AFTER_SECONDS,
  });
