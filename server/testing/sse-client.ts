import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';

/** An EventSource for tests: it comes back with the last id that it was told, and remembers everything. */
export interface StreamClient {
  readonly events: readonly StreamEvent[];
  /** Statuses of the answers that it had, in their order. */
  readonly statuses: readonly number[];
  /** True while an answer has begun and is not over. */
  readonly open: boolean;
  /**
   * Resolves with the first event of which this holds, one that has come already or one to come. Rejects, with what came
   * instead, when none does in time or none can any more.
   */
  event(holds: (event: StreamEvent) => boolean): Promise<StreamEvent>;
  /** Resolves once an answer is over. */
  ended(): Promise<void>;
  close(): void;
}

export interface StreamEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

export interface StreamOptions {
  /** Of the server. */
  readonly url: string;
  readonly headers: http.OutgoingHttpHeaders;
  /** Resolves when to come back after an answer that ended or broke off; none: it does not. */
  readonly backOff?: () => Promise<unknown>;
}

const PATH = '/api/users/preferences/stream';
/** In ms: less than a test's own time, whose end would not say what came. */
const PATIENCE = 20_000;

function parseEvent(text: string): StreamEvent | undefined {
  const field = (name: string): string | undefined => new RegExp(`(?:^|\n)${name}: ([^\n]*)`).exec(text)?.[1];
  const [name, data] = [field('event'), field('data')];
  return name === undefined || data === undefined ? undefined : { name, id: field('id'), data: JSON.parse(data) };
}

export function startStream({ url, headers, backOff }: StreamOptions): StreamClient {
  const events: StreamEvent[] = [];
  const statuses: number[] = [];
  const listeners = new Set<() => void>();
  let lastId: string | undefined;
  let open = false;
  let ends = 0;
  let closed = false;
  /** No answer comes any more, and this is how the last one went. */
  let over: string | undefined;
  let request: http.ClientRequest | undefined;

  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const until = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        listeners.delete(look);
      };
      const fail = (why: string): void => {
        done();
        reject(new Error(`${why}. Answered ${statuses.join(', ')}, told ${JSON.stringify(events)}.`));
      };
      const look = (): void => {
        const found = find();
        if (found === undefined) {
          if (over !== undefined) fail(`The stream is over (${over})`);
          return;
        }
        done();
        resolve(found);
      };
      const timer = setTimeout(() => fail(`Not in ${PATIENCE / 1000} s`), PATIENCE).unref();
      listeners.add(look);
      look();
    });

  /** Resolves with what came and is no event. */
  const read = async (answer: IncomingMessage): Promise<string> => {
    statuses.push(answer.statusCode ?? 0);
    open = answer.statusCode === 200;
    tell();
    let text = '';
    for await (const part of answer.setEncoding('utf8')) {
      const whole = (text + String(part)).split('\n\n');
      text = whole.pop() ?? '';
      if (!open) continue;
      for (const event of whole.flatMap((each) => parseEvent(each) ?? [])) {
        lastId = event.id ?? lastId;
        events.push(event);
      }
      tell();
    }
    return text;
  };
  const run = async (): Promise<void> => {
    for (;;) {
      let how: string;
      try {
        const last = lastId === undefined ? {} : { 'last-event-id': lastId };
        request = http.get(`${url}${PATH}`, { agent: false, headers: { ...headers, ...last } });
        const [answer] = (await once(request, 'response')) as [IncomingMessage];
        how = await read(answer);
      } catch (error) {
        // Broken off: as good as ended.
        how = String(error);
      }
      open = false;
      ends += 1;
      tell();
      await backOff?.();
      if (!closed && backOff !== undefined) continue;
      over = how;
      tell();
      return;
    }
  };
  void run();

  return {
    events,
    statuses,
    get open() {
      return open;
    },
    event: (holds) => until(() => events.find(holds)),
    ended: () => {
      const before = ends;
      return until(() => (ends > before || (ends > 0 && !open) ? true : undefined)).then(() => undefined);
    },
    close: () => {
      closed = true;
      request?.destroy();
    },
  };
}
