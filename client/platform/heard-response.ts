/**
 * PouchDB reads a longpoll's answer as a whole and has no timeout, so it would wait for ever on a connection that died
 * without a word. Here the body is read as it comes: a heartbeat is a sign of life, and silence ends the request.
 */
export interface Hearing {
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds without a byte after which the connection is taken for dead. */
  readonly silence: number;
  /** Called whenever something came, with the body as far as it has come. */
  readonly onHeard: (text: string) => void;
}

/** Fetches and reads the whole answer: the body is in `text` alone. Rejects when it falls silent, and as fetch does. */
export async function fetchHeard(
  { fetch, silence, onHeard }: Hearing,
  input: string | URL | Request,
  init: RequestInit,
): Promise<{ readonly response: Response; readonly text: string }> {
  const dead = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => dead.abort(new Error('The server has fallen silent.')), silence);
  };
  const signal =
    init.signal === null || init.signal === undefined ? dead.signal : AbortSignal.any([dead.signal, init.signal]);
  wait();
  try {
    const response = await fetch(input, { ...init, signal });
    const decoder = new TextDecoder();
    let text = '';
    const heard = (): void => {
      wait();
      onHeard(text);
    };
    heard();
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      text += decoder.decode(part.value, { stream: true });
      heard();
    }
    text += decoder.decode();
    return { response, text };
  } finally {
    clearTimeout(timer);
  }
}
