/**
 * Sends the requests of the replication: adds the token, renews a rejected one once, and reads the body as it arrives.
 * PouchDB reads a longpoll's response as a whole and would not notice a dead connection. Here each heartbeat counts as
 * activity.
 */
import { toSignInReason } from '../status-reason.ts';
import { SignInError } from './connection-error.ts';
import { parseResponseBody } from './validate-response.ts';
import type { GetToken } from './token-source.ts';

/** A response whose body has been read: it is only in `text`. */
export interface TextResponse {
  readonly response: Response;
  readonly text: string;
}

/**
 * Sends a request and reads the whole response. `onText` is called with the body received so far, first at the headers.
 * Rejects as `fetch` does, or with a ConnectionError: with a SignInError when there is no token that the server accepts.
 */
export type AuthorizedFetch = (
  url: string,
  init: RequestInit | undefined,
  onText: (text: string) => void,
) => Promise<TextResponse>;

/** A token that the server has rejected. */
interface Rejection {
  readonly token: string;
  readonly error: SignInError;
}

/**
 * `signal` aborts every request. It replaces the signal of a single request: PouchDB aborts requests only when a run is
 * cancelled, which ends them all.
 */
export function createAuthorizedFetch(
  fetch: typeof globalThis.fetch,
  getToken: GetToken,
  signal: AbortSignal,
): AuthorizedFetch {
  const request = async (
    url: string,
    init: RequestInit | undefined,
    onText: (text: string) => void,
    rejection?: Rejection,
  ): Promise<TextResponse> => {
    const token = await getToken(rejection?.token);
    if (token === undefined) throw rejection?.error ?? new SignInError('not-signed-in');
    const headers = new Headers(init?.headers);
    headers.set('Authorization', `Bearer ${token}`);
    const response = await fetch(url, {
      ...init,
      headers,
      signal,
      // The token alone authorizes the request. No cookie is sent, and no redirect may carry the token elsewhere.
      credentials: 'omit',
      redirect: 'manual',
      cache: 'no-store',
    });
    const text = await readText(response, onText, signal);
    if (response.status === 401) {
      const body = parseResponseBody(text);
      const error = new SignInError(toSignInReason(body?.code));
      if (!rejection) return request(url, init, onText, { token, error });
      // A page without an error member is a captive portal's. Another token would not help.
      if (body?.error !== undefined) throw error;
    }
    return { response, text };
  };
  return request;
}

async function readText({ body }: Response, onText: (text: string) => void, signal: AbortSignal): Promise<string> {
  let text = '';
  onText(text);
  const write = (chunk: string): void => {
    text += chunk;
    onText(text);
  };
  // The signal is passed here too: Node's fetch may lose it after the headers, when its request is garbage-collected.
  await body?.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream({ write }), { signal });
  return text;
}
