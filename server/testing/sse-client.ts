import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';

/** An EventSource for tests: it comes back with the last id that it was told, and remembers everything. */
export interface SseClient {
  readonly events: readonly SseEvent[];
  /** Statuses of the answers that it had, in their order. */
  readonly statuses: readonly number[];
  /** True while an answer has begun and is not over. */
  readonly isOpen: boolean;
  /**
   * Resolves with the first event of which this holds, one that has come already or one to come. Rejects, with what came
   * instead, when none does in time or none can any more.
   */
  waitForEvent(predicate: (event: SseEvent) => boolean): Promise<SseEvent>;
  /** Resolves once an answer is over. */
  waitForEnd(): Promise<void>;
  close(): void;
}

export interface SseEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

export interface SseClientOptions {
  /** Of the server. */
  readonly url: string;
  readonly headers: http.OutgoingHttpHeaders;
  /** Resolves when to come back after an answer that ended or broke off; none: it does not. */
  readonly backoff?: () => Promise<unknown>;
}

const STREAM_PATH = '/api/users/preferences/stream';
/** In ms: less than a test's own time, whose end would not say what came. */
const TIMEOUT_MS = 20_000;

function parseEvent(text: string): SseEvent | undefined {
  const field = (name: string): string | undefined => new RegExp(`(?:^|\n)${name}: ([^\n]*)`).exec(text)?.[1];
  const [name, data] = [field('event'), field('data')];
  return name === undefined || data === undefined ? undefined : { name, id: field('id'), data: JSON.parse(data) };
}

export function startSseClient({ url, headers, backoff }: SseClientOptions): SseClient {
  const events: SseEvent[] = [];
  const statuses: number[] = [];
  const listeners = new Set<() => void>();
  let lastEventId: string | undefined;
  let isOpen = false;
  let endCount = 0;
  let closed = false;
  /** No answer comes any more, and this is how the last one went. */
  let endReason: string | undefined;
  let request: http.ClientRequest | undefined;

  const notify = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const waitFor = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        listeners.delete(check);
      };
      const fail = (reason: string): void => {
        done();
        reject(new Error(`${reason}. Answered ${statuses.join(', ')}, told ${JSON.stringify(events)}.`));
      };
      const check = (): void => {
        const found = find();
        if (found === undefined) {
          if (endReason !== undefined) fail(`The stream is over (${endReason})`);
          return;
        }
        done();
        resolve(found);
      };
      const timer = setTimeout(() => fail(`Not in ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS).unref();
      listeners.add(check);
      check();
    });

  /** Resolves with what came and is no event. */
  const readResponse = async (response: IncomingMessage): Promise<string> => {
    statuses.push(response.statusCode ?? 0);
    isOpen = response.statusCode === 200;
    notify();
    let text = '';
    for await (const part of response.setEncoding('utf8')) {
      const whole = (text + String(part)).split('\n\n');
      text = whole.pop() ?? '';
      if (!isOpen) continue;
      for (const event of whole.flatMap((each) => parseEvent(each) ?? [])) {
        lastEventId = event.id ?? lastEventId;
        events.push(event);
      }
      notify();
    }
    return text;
  };
  const run = async (): Promise<void> => {
    for (;;) {
      let how: string;
      try {
        const last = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
        request = http.get(`${url}${STREAM_PATH}`, { agent: false, headers: { ...headers, ...last } });
        const [answer] = (await once(request, 'response')) as [IncomingMessage];
        how = await readResponse(answer);
      } catch (error) {
        // Broken off: as good as ended.
        how = String(error);
      }
      isOpen = false;
      endCount += 1;
      notify();
      await backoff?.();
      if (!closed && backoff !== undefined) continue;
      endReason = how;
      notify();
      return;
    }
  };
  void run();

  return {
    events,
    statuses,
    get isOpen() {
      return isOpen;
    },
    waitForEvent: (holds) => waitFor(() => events.find(holds)),
    waitForEnd: () => {
      const before = endCount;
      return waitFor(() => (endCount > before || (endCount > 0 && !isOpen) ? true : undefined)).then(() => undefined);
    },
    close: () => {
      closed = true;
      request?.destroy();
    },
  };
}
