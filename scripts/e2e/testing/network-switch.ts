/** A device's way to the server, which can be lost. */
export interface Network {
  readonly fetch: typeof globalThis.fetch;
  readonly isOnline: () => boolean;
  /** As pulling the cable: requests under way fail, answers that have begun break off, and nothing else gets through. */
  readonly setOnline: (online: boolean) => void;
}

export function createNetwork(online = true): Network {
  let line = new AbortController();
  if (!online) line.abort();

  return {
    fetch: async (input, init) => {
      const { signal } = line;
      if (signal.aborted) throw new TypeError('Failed to fetch');
      const response = await fetch(input, {
        ...init,
        signal: init?.signal ? AbortSignal.any([signal, init.signal]) : signal,
      });
      // Once it has answered, Node's fetch may lose sight of its signal when memory is tidied up.
      const body = response.body?.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal });
      return body ? new Response(body, response) : response;
    },
    isOnline: () => !line.signal.aborted,
    setOnline: (now) => {
      if (!now) line.abort();
      else if (line.signal.aborted) line = new AbortController();
    },
  };
}
