import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { MAX_WAIT_MS } from '../../couchdb-design/testing/patience.ts';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';

/** An EventSource for tests: it reconnects with the last id it received, and records everything. */
export interface SseClient {
  readonly events: readonly SseEvent[];
  /** The statuses of the responses, in order. */
  readonly statuses: readonly number[];
  /** True while a 200 response has started and not ended. */
  readonly isOpen: boolean;
  /**
   * Resolves with the first event, past or future, that matches. Rejects, with everything received, when none matches in
   * 20 s or when no further event can come.
   */
  waitForEvent(predicate: (event: SseEvent) => boolean): Promise<SseEvent>;
  /** Resolves once a response has ended. */
  waitForEnd(): Promise<void>;
  close(): void;
}

export interface SseEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

export interface SseClientOptions {
  /** The server's URL. */
  readonly url: string;
  readonly headers: http.OutgoingHttpHeaders;
  /** Resolves when to reconnect after a response has ended or failed; without it the client does not reconnect. */
  readonly backoff?: () => Promise<unknown>;
}

const STREAM_PATH = '/api/users/preferences/stream';
/** Shorter than a test's own timeout, whose error would not contain what was received. */

/** Opens a preference stream. */
export const startSseClient = (options: SseClientOptions): SseClient =>
  closeAfterTests(new ReconnectingSseClient(options));

function parseEvent(text: string): SseEvent | undefined {
  const field = (name: string): string | undefined => new RegExp(`(?:^|\n)${name}: ([^\n]*)`).exec(text)?.[1];
  const [name, data] = [field('event'), field('data')];
  return name === undefined || data === undefined ? undefined : { name, id: field('id'), data: JSON.parse(data) };
}

class ReconnectingSseClient implements SseClient {
  readonly events: SseEvent[] = [];
  readonly statuses: number[] = [];
  readonly #options: SseClientOptions;
  readonly #listeners = new Set<() => void>();
  #lastEventId: string | undefined;
  #isOpen = false;
  #endCount = 0;
  #isClosed = false;
  /** How the last response ended; undefined while further ones may come. */
  #endReason: string | undefined;
  #request: http.ClientRequest | undefined;

  constructor(options: SseClientOptions) {
    this.#options = options;
    void this.#run();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  waitForEvent(predicate: (event: SseEvent) => boolean): Promise<SseEvent> {
    return this.#waitFor(() => this.events.find(predicate));
  }

  async waitForEnd(): Promise<void> {
    const before = this.#endCount;
    const hasEnded = (): boolean => this.#endCount > before || (this.#endCount > 0 && !this.#isOpen);
    await this.#waitFor(() => (hasEnded() ? true : undefined));
  }

  close(): void {
    this.#isClosed = true;
    this.#request?.destroy();
  }

  async #run(): Promise<void> {
    const { backoff } = this.#options;
    for (;;) {
      const reason = await this.#connect();
      this.#isOpen = false;
      this.#endCount += 1;
      this.#notify();
      await backoff?.();
      if (!this.#isClosed && backoff !== undefined) continue;
      this.#endReason = reason;
      this.#notify();
      return;
    }
  }

  /** Resolves once the response has ended, with the text after its last event, or with the error that ended it. */
  async #connect(): Promise<string> {
    const { url, headers } = this.#options;
    try {
      const resume = this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId };
      this.#request = http.get(`${url}${STREAM_PATH}`, { agent: false, headers: { ...headers, ...resume } });
      const [response] = (await once(this.#request, 'response')) as [IncomingMessage];
      return await this.#readResponse(response);
    } catch (error) {
      return String(error);
    }
  }

  async #readResponse(response: IncomingMessage): Promise<string> {
    this.statuses.push(response.statusCode ?? 0);
    this.#isOpen = response.statusCode === 200;
    this.#notify();
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const blocks = (text + String(chunk)).split('\n\n');
      text = blocks.pop() ?? '';
      if (!this.#isOpen) continue;
      for (const event of blocks.flatMap((block) => parseEvent(block) ?? [])) {
        this.#lastEventId = event.id ?? this.#lastEventId;
        this.events.push(event);
      }
      this.#notify();
    }
    return text;
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Resolves with the first value that `find` returns, which is called after each change. */
  #waitFor<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const cleanUp = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
      };
      const fail = (reason: string): void => {
        cleanUp();
        const received = JSON.stringify(this.events);
        reject(new Error(`${reason}. Received the statuses ${this.statuses.join(', ')} and the events ${received}.`));
      };
      const check = (): void => {
        const found = find();
        if (found !== undefined) {
          cleanUp();
          resolve(found);
        } else if (this.#endReason !== undefined) {
          fail(`The stream has ended (${this.#endReason})`);
        }
      };
      const timer = setTimeout(() => fail(`Timed out after ${MAX_WAIT_MS / 1000} s`), MAX_WAIT_MS).unref();
      this.#listeners.add(check);
      check();
    });
  }
}
