/**
 * The `fetch` that PouchDB is given. It gets answers of the protocol only, and asks no oftener than does good: all else
 * ends the run, so that there is no state in which PouchDB has given up or asks in circles unknown to us.
 */
import { createSyncFetch, type Heard } from '../platform/sync-fetch.ts';
import { isAnswer, isCircle, revisionsIn } from './answers.ts';
import type { AttemptOptions, End } from './attempt.ts';
import { fields, list, parseJson } from './json.ts';
import { retryAfter } from './retry-after.ts';

export interface TrustedFetchOptions extends Pick<AttemptOptions, 'getToken' | 'paces' | 'isWary'> {
  /** The one document that all is about. */
  readonly store: Pick<AttemptOptions['store'], 'id'>;
  readonly environment: Pick<AttemptOptions['environment'], 'fetch' | 'now'>;
}

/** What is told of a run, and what ends it. */
export interface RunLine {
  /** Aborted by `end`. */
  readonly signal: AbortSignal;
  readonly end: End;
  /** Something came over the connection. */
  readonly onHeard: () => void;
  /** The server has answered, and its feed has shown these revisions. */
  readonly onAnswer: (revisions: readonly string[]) => void;
  /** A longpoll is open, and holds. */
  readonly onListening: () => void;
}

/** A longpoll without rows that ends earlier was not held at all: the gate holds one for a second at the least. */
const HOLD_MS = 900;

/** A longpoll's body that has begun, and told nothing yet. */
const OPEN = /^\s*{\s*"results"\s*:\s*\[\s*$/;

/** What answers for a server, or stands in its way, without knowing of `_bulk_get`. */
const NO_BULK_GET: readonly number[] = [404, 405, 501];

/** Of a server that has too much to do. */
const BUSY: readonly number[] = [429, 503];

export function createTrustedFetch(
  { store, environment, getToken, paces, isWary }: TrustedFetchOptions,
  { signal, end, onHeard, onAnswer, onListening }: RunLine,
): typeof globalThis.fetch {
  const { id } = store;
  const ask = createSyncFetch(environment.fetch, getToken, signal);

  /** Undefined when the run has ended. */
  const answerTo = async (url: URL, init: RequestInit): Promise<Response | undefined> => {
    const endpoint = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
    // What PouchDB asks of the server and the database itself is for checkpoints, and there are none.
    if (endpoint === '') return new Response('{}');
    await paces[endpoint]?.();

    const isLongpoll = url.searchParams.has('feed');
    let isOpen = false;
    let wasHeld = !isLongpoll;
    const hold = setTimeout(() => {
      wasHeld = true;
      if (isOpen) onListening();
    }, HOLD_MS);
    const onText = (text: string): void => {
      onHeard();
      if (!isLongpoll || isOpen || !OPEN.test(text)) return;
      isOpen = true;
      if (!isWary || wasHeld) onListening();
    };

    /** PouchDB knows this way too, but decides on it once for the life of a page, by the first answer alone. */
    const askForLeaves = async (): Promise<Heard | undefined> => {
      const revisions = list(fields(parseJson(init.body))['docs']).map((one) => fields(one)['rev']);
      url.pathname = url.pathname.replace(endpoint, encodeURIComponent(id));
      url.search = `?revs=true&latest=true&open_revs=${encodeURIComponent(JSON.stringify(revisions))}`;
      const heard = await ask(url, { ...init, method: 'GET', body: null }, onText);
      return heard && { ...heard, text: JSON.stringify({ results: [{ id, docs: parseJson(heard.text) }] }) };
    };

    try {
      let heard = await ask(url, init, onText);
      if (heard && endpoint === '_bulk_get' && NO_BULK_GET.includes(heard.response.status))
        heard = await askForLeaves();
      if (!heard) end('sign-in-needed');
      if (!heard || signal.aborted) return;
      const { ok, status, headers } = heard.response;
      const answer = parseJson(heard.text);
      const isFeed = endpoint === '_changes';
      if (
        BUSY.includes(status) ||
        !isAnswer(endpoint, ok, answer, id) ||
        (isFeed && isCircle(answer, url.searchParams.get('since'), wasHeld))
      ) {
        end('interrupted', retryAfter(headers.get('Retry-After'), environment.now()));
        return;
      }
      if (ok) onAnswer(isFeed ? revisionsIn(answer) : []);
      return new Response(heard.text, { status, headers });
    } finally {
      clearTimeout(hold);
    }
  };

  return async (input, init = {}) => {
    const answer = await answerTo(new URL(input instanceof Request ? input.url : input), init).catch(() =>
      end('interrupted'),
    );
    // PouchDB swallows some failures and leaves others unhandled. It gets none, as nobody is there any more to take one.
    return answer ?? new Promise<never>(() => undefined);
  };
}
