/**
 * The `fetch` that PouchDB is given. It gets answers of the protocol only, and asks no oftener than does good: all else
 * ends the run, so that there is no state in which PouchDB has given up or asks in circles unknown to us.
 */
import { createSyncFetch } from './authorized-fetch.ts';
import { createTokens } from './token-source.ts';
import { isAnswer, isCircle, parseAnswer } from './validate-response.ts';
import type { AttemptOptions, End } from '../sync-run.ts';
import { retryAfter } from './retry-after.ts';

export interface TrustedFetchOptions extends Pick<AttemptOptions, 'url' | 'getToken' | 'paces' | 'isWary'> {
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
  readonly onHeard: (isLongpoll: boolean) => void;
  /** The server has answered; its feed with these revisions. */
  readonly onAnswer: (revisions: readonly string[]) => void;
  /** A longpoll is open, and holds. */
  readonly onListening: () => void;
}

/** A longpoll without rows that ends earlier was not held at all: the gate holds one for a second at the least. */
const HOLD_MS = 900;

/** A longpoll's body that has begun, and told nothing yet. */
const OPEN = /^\W*results\W*$/;

/** PouchDB may ask under any address: the last part of its path and the query are asked for at `url`. */
export function createTrustedFetch(
  { url, store, environment, getToken, paces, isWary }: TrustedFetchOptions,
  { signal, end, onHeard, onAnswer, onListening }: RunLine,
): typeof globalThis.fetch {
  const ask = createSyncFetch(environment.fetch, createTokens(getToken), signal);

  /** Undefined when the run has ended. */
  const answerTo = async (asked: string | URL, init?: RequestInit): Promise<Response | undefined> => {
    const { pathname, search, searchParams } = new URL(asked);
    const endpoint = pathname.split('/').pop() ?? '';
    // What PouchDB asks of the server and the database itself is for checkpoints, and there are none.
    if (endpoint === '') return new Response('{}');
    await paces[endpoint]?.();

    const isLongpoll = searchParams.has('feed');
    let isOpen = false;
    let wasHeld = !isLongpoll;
    const hold = setTimeout(() => {
      wasHeld = true;
      if (isOpen) onListening();
    }, HOLD_MS);
    const onText = (text: string): void => {
      onHeard(isLongpoll);
      if (!isLongpoll || isOpen || !OPEN.test(text)) return;
      isOpen = true;
      if (!isWary || wasHeld) onListening();
    };

    try {
      const heard = await ask(url.replace(/\/?$/, '/') + endpoint + search, init, onText);
      if (!heard) end('sign-in-needed');
      if (!heard || signal.aborted) return;
      const { response, text } = heard;
      const answer = parseAnswer(text);
      const isFeed = endpoint === '_changes';
      if (
        !isAnswer(endpoint, response, answer, store.id) ||
        (isFeed && isCircle(answer, searchParams.get('since'), wasHeld))
      ) {
        end('interrupted', retryAfter(response.headers.get('Retry-After'), environment.now()));
        return;
      }
      onAnswer(isFeed ? answer.results.flatMap(({ changes }) => changes.map(({ rev }) => rev)) : []);
      return new Response(text, response);
    } finally {
      clearTimeout(hold);
    }
  };

  return async (input, init) => {
    const answer = await answerTo(input as string, init).catch(() => end('interrupted'));
    // PouchDB gives texts. It swallows some failures and leaves others unhandled: it gets none, as nobody is there any more to take one.
    return answer ?? new Promise<never>(() => undefined);
  };
}
