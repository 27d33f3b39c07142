/**
 * How the replication asks the server: with the token, which is renewed once when it is refused, and listening. PouchDB
 * reads a longpoll's answer as a whole, so that it would not notice a connection that died without a word. Here the body
 * is read as it comes: a heartbeat is a sign of life.
 */
import { parseResponseBody } from './validate-response.ts';
import type { GetToken } from './token-source.ts';

export type { GetToken } from './token-source.ts';

/** An answer whose body was read: it is in `text` alone. */
export interface TextResponse {
  readonly response: Response;
  readonly text: string;
}

/**
 * Asks, and reads the whole answer. `onText` is told of its body as far as it has come, from the headers on. Undefined
 * when there is no token that the server takes: the person has to sign in. Rejects as `fetch` does.
 */
export type AuthorizedFetch = (
  url: string,
  init: RequestInit | undefined,
  onText: (text: string) => void,
) => Promise<TextResponse | undefined>;

/** `signal` ends every request. None is called off alone: PouchDB does so when a run is cancelled, which ends all. */
export function createAuthorizedFetch(
  fetch: typeof globalThis.fetch,
  getToken: GetToken,
  signal: AbortSignal,
): AuthorizedFetch {
  const request = async (
    url: string,
    init: RequestInit | undefined,
    onText: (text: string) => void,
    rejectedToken?: string,
  ): Promise<TextResponse | undefined> => {
    const token = await getToken(rejectedToken);
    if (token === undefined) return;
    const headers = new Headers(init?.headers);
    headers.set('Authorization', `Bearer ${token}`);
    const response = await fetch(url, {
      ...init,
      headers,
      signal,
      // The token is all that counts: no cookie goes along, and no redirect may carry the token elsewhere.
      credentials: 'omit',
      redirect: 'error',
      cache: 'no-store',
    });
    let text = '';
    onText(text);
    const write = (chunk: string): void => {
      text += chunk;
      onText(text);
    };
    // Here, too: once it has answered, Node's fetch may lose sight of its signal when memory is tidied up.
    await response.body?.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream({ write }), { signal });
    if (response.status === 401) {
      if (rejectedToken === undefined) return request(url, init, onText, token);
      // Where a network asks for a sign-in of its own, by a page, another token would not help.
      if (parseResponseBody(text)?.error !== undefined) return;
    }
    return { response, text };
  };
  return request;
}
