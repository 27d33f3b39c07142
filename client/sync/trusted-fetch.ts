/**
 * The `fetch` that PouchDB is given. It gets answers of the protocol only, and asks no oftener than does good: all else
 * rejects, which ends the run, so that there is no state in which PouchDB has given up or asks in circles unknown to us.
 */
import type { Ask } from '../platform/sync-fetch.ts';
import { isAnswer, isCircle, type Exchange } from './answers.ts';
import { fields, list, parseJson } from './json.ts';
import type { Pace } from './pace.ts';

export interface Paces {
  /** Of pushes: while one waits for its turn PouchDB gathers, and sends the newest revision alone. */
  readonly push: Pace;
  readonly changes: Pace;
}

export interface TrustedFetchOptions {
  readonly ask: Ask;
  /** The one document that all is about. */
  readonly id: string;
  readonly paces: Paces;
  /** The last run failed: a longpoll is believed in once it has been held for a while. */
  readonly isWary: boolean;
  readonly onExchange: (exchange: Exchange) => void;
  /** A part of an answer has come, other than of a longpoll's. */
  readonly onProgress: () => void;
  /** A longpoll is open, and holds. */
  readonly onListening: () => void;
  /** The server has too much to do: its answer's `Retry-After`, if any. */
  readonly onBusy: (retryAfter: string | null) => void;
}

/** A longpoll without rows that ends earlier was not held at all: the gate holds one for a second at the least. */
const HOLD_MS = 900;

/** A longpoll's body that has begun, and told nothing yet. */
const OPEN = /^\s*{\s*"results"\s*:\s*\[\s*$/;

/** What answers for a server, or stands in its way, without knowing of `_bulk_get`. */
const NO_BULK_GET: readonly number[] = [404, 405, 501];

export function createTrustedFetch(options: TrustedFetchOptions): typeof globalThis.fetch {
  const { ask, id, paces, isWary, onExchange, onProgress, onListening, onBusy } = options;

  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const endpoint = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
    const since = url.searchParams.get('since');
    // What PouchDB asks of the server and the database itself is for checkpoints, and there are none.
    if (endpoint === '') return new Response('{}');
    if (endpoint === '_revs_diff') await paces.push();
    if (endpoint === '_changes') await paces.changes();

    let isOpen = false;
    const isLongpoll = url.searchParams.has('feed');
    let wasHeld = !isLongpoll;
    const hold = setTimeout(() => {
      wasHeld = true;
      if (isOpen) onListening();
    }, HOLD_MS);
    const onText = (text: string): void => {
      if (!isLongpoll) onProgress();
      if (!isLongpoll || isOpen || !OPEN.test(text)) return;
      isOpen = true;
      if (!isWary || wasHeld) onListening();
    };

    try {
      const request = parseJson(init.body);
      let { response, text } = await ask(url, init, onText);
      let answer = parseJson(text);
      if (endpoint === '_bulk_get' && NO_BULK_GET.includes(response.status)) {
        // PouchDB knows this way too, but decides on it once for the life of a page, by the first answer alone.
        const revisions = list(fields(request)['docs']).map((one) => fields(one)['rev']);
        url.pathname = url.pathname.replace(endpoint, encodeURIComponent(id));
        url.search = `?revs=true&latest=true&open_revs=${encodeURIComponent(JSON.stringify(revisions))}`;
        ({ response, text } = await ask(url, { ...init, method: 'GET', body: null }, onText));
        answer = { results: [{ id, docs: parseJson(text) }] };
        text = JSON.stringify(answer);
      }
      const { ok, status, headers } = response;
      if (status === 429 || status === 503) onBusy(headers.get('Retry-After'));
      const exchange = { endpoint, request, answer };
      if (!isAnswer(exchange, ok, id) || (endpoint === '_changes' && isCircle(answer, since, wasHeld))) {
        throw new Error(`No answer of the protocol (${status}).`);
      }
      if (ok) onExchange(exchange);
      return new Response(text, { status, headers });
    } finally {
      clearTimeout(hold);
    }
  };
}
