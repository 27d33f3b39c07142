import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from '../../command-error.ts';
import type { AttackTarget } from '../target.ts';
import { HttpClient, type HttpOutcome, type HttpRequest } from './http-client.ts';
import { headerValues, type ObservedResponse } from './observed-response.ts';
import { Pacer } from './pacer.ts';
import { sendBytes } from './send-bytes.ts';

/** How long a response may take, in ms. */
const TIMEOUT_MS = 10_000;
/** How often a request is repeated after 429 or 503. */
const MAX_RETRIES = 3;
/** The longest wait that a response can ask for, in ms. */
const MAX_RETRY_AFTER_MS = 5_000;
/** The wait when a response does not say, in ms. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** Parallel requests of one run. */
export const MAX_CONNECTIONS = 8;

/** Sends the requests of a run at a limited rate. */
export class AttackClient {
  readonly #target: AttackTarget;
  readonly #http: HttpClient;
  readonly #pacer: Pacer;
  #sentCount = 0;

  /** @param perSecond the highest rate of requests */
  constructor(target: AttackTarget, perSecond: number) {
    this.#target = target;
    this.#http = new HttpClient(target, { maxConnections: MAX_CONNECTIONS, timeoutMs: TIMEOUT_MS });
    this.#pacer = new Pacer(perSecond);
  }

  /** How many requests were sent. */
  get sentCount(): number {
    return this.#sentCount;
  }

  /**
   * Sends a request, and repeats it when the server has no capacity for it.
   *
   * @throws {CommandError} If the server cannot be reached.
   * @throws The signal's reason when it aborts.
   */
  async send(request: HttpRequest, signal?: AbortSignal): Promise<HttpOutcome> {
    for (let retries = 0; ; retries += 1) {
      await this.#pacer.turn(signal);
      this.#sentCount += 1;
      const outcome = await this.#http.send(this.#withHost(request)).catch((error: unknown) => {
        throw new CommandError(`The server at ${this.#target.origin} cannot be reached: ${describe(error)}.`);
      });
      if (typeof outcome === 'string' || ![429, 503].includes(outcome.status) || retries === MAX_RETRIES)
        return outcome;
      await sleep(retryAfterMs(outcome), undefined, signal === undefined ? {} : { signal });
    }
  }

  /** Sends bytes unchanged on a connection of their own. */
  async sendRaw(bytes: string, signal?: AbortSignal): Promise<readonly ObservedResponse[]> {
    await this.#pacer.turn(signal);
    this.#sentCount += 1;
    return sendBytes(this.#target, bytes);
  }

  close(): void {
    this.#http.close();
  }

  #withHost = (request: HttpRequest): HttpRequest => ({
    ...request,
    headers: { Host: this.#target.host, ...request.headers },
  });
}

/** The message of an error of Node, or its code where several addresses failed. */
function describe(error: unknown): string {
  const { message = '', code = 'the connection failed' } = error as Partial<NodeJS.ErrnoException>;
  return message === '' ? code : message;
}

function retryAfterMs(response: ObservedResponse): number {
  const [seconds] = headerValues(response, 'retry-after');
  const ms = Number(seconds ?? Number.NaN) * 1_000;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : DEFAULT_RETRY_AFTER_MS;
}
