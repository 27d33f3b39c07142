import type { ApiClientOptions } from 'grammy';

/**
 * Node's own fetch for grammy, whose own (node-fetch) writes the whole URL, and so the token, into its errors. A redirect
 * is not followed, or the token would go to wherever it says.
 */
async function fetchWithoutUrlInErrors(
  url: string,
  init: { readonly method?: string; readonly body?: string; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  // grammy's signal is of a package, and not one that Node takes.
  const abort = new AbortController();
  if (init.signal?.aborted === true) abort.abort();
  init.signal?.addEventListener('abort', () => abort.abort(), { once: true });
  return fetch(url, {
    method: init.method ?? 'POST',
    headers: { 'content-type': 'application/json' },
    ...(init.body === undefined ? {} : { body: init.body }),
    redirect: 'manual',
    signal: abort.signal,
  });
}

/** In s: how long Telegram holds a question for updates to which there are none yet. */
export const LONGPOLL_SECONDS = 25;

export const clientOptions = (apiRoot: string): ApiClientOptions => ({
  apiRoot,
  fetch: fetchWithoutUrlInErrors,
  timeoutSeconds: LONGPOLL_SECONDS + 10,
});
