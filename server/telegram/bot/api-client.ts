import type { ApiClientOptions } from 'grammy';

/**
 * Replaces grammy's node-fetch with Node's fetch. The errors of node-fetch contain the whole URL, and so the bot's token. It
 * does not follow redirects, which would send the token to their target.
 */
async function fetchWithoutUrlInErrors(
  url: string,
  init: { readonly method?: string; readonly body?: string; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  // Node's fetch does not accept grammy's signal, which comes from a polyfill.
  const abort = new AbortController();
  if (init.signal?.aborted === true) abort.abort();
  init.signal?.addEventListener('abort', () => abort.abort(), { once: true });
  return fetch(url, {
    method: init.method ?? 'POST',
    headers: { 'content-type': 'application/json' },
    body: init.body ?? null,
    redirect: 'manual',
    signal: abort.signal,
  });
}

/** How long, in seconds, Telegram holds a `getUpdates` request while there are no updates. */
export const LONGPOLL_SECONDS = 25;

/** Returns the options of grammy's API client. */
export const clientOptions = (apiRoot: string): ApiClientOptions => ({
  apiRoot,
  fetch: fetchWithoutUrlInErrors,
  timeoutSeconds: LONGPOLL_SECONDS + 10,
});
