/** A device's way to the server, which can be lost. */
export interface NetworkSwitch {
  readonly fetch: typeof globalThis.fetch;
  readonly isOnline: () => boolean;
  /** As pulling the cable: requests under way fail, answers that have begun break off, and nothing else gets through. */
  readonly setOnline: (online: boolean) => void;
}

export function createNetworkSwitch(online = true): NetworkSwitch {
  let connection = new AbortController();
  if (!online) connection.abort();

  return {
    fetch: async (input, init) => {
      const { signal } = connection;
      if (signal.aborted) throw new TypeError('Failed to fetch');
      const response = await fetch(input, {
        ...init,
        signal: init?.signal ? AbortSignal.any([signal, init.signal]) : signal,
      });
      // Once it has answered, Node's fetch may lose sight of its signal when memory is tidied up.
      const body = response.body?.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal });
      return body ? new Response(body, response) : response;
    },
    isOnline: () => !connection.signal.aborted,
    setOnline: (isOnline) => {
      if (!isOnline) connection.abort();
      else if (connection.signal.aborted) connection = new AbortController();
    },
  };
}
