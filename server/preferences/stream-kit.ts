import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';

/** An EventSource for tests: it comes back with the last id that it was told, and remembers everything. */
export interface StreamClient {
  readonly events: readonly StreamEvent[];
  /** Statuses of the answers that it had, in their order. */
  readonly statuses: readonly number[];
  /** True while an answer has begun and is not over. */
  readonly open: boolean;
  /** Resolves with the first event of which this holds, one that has come already or one to come. */
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
  let request: http.ClientRequest | undefined;

  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const until = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        listeners.delete(look);
        resolve(found);
      };
      listeners.add(look);
      look();
    });

  const read = async (answer: IncomingMessage): Promise<void> => {
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
  };
  const run = async (): Promise<void> => {
    do {
      try {
        const last = lastId === undefined ? {} : { 'last-event-id': lastId };
        request = http.get(`${url}${PATH}`, { agent: false, headers: { ...headers, ...last } });
        const [answer] = (await once(request, 'response')) as [IncomingMessage];
        await read(answer);
      } catch {
        // Broken off: as good as ended.
      }
      open = false;
      ends += 1;
      tell();
      await backOff?.();
    } while (!closed && backOff !== undefined);
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
