/** A device's network connection, which tests switch on and off. */
export interface NetworkSwitch {
  readonly fetch: typeof globalThis.fetch;
  readonly isOnline: () => boolean;
  /** Simulates an unplugged cable: pending requests and responses fail, and so do new requests. */
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
      // Node's fetch may lose its signal after the headers, when its request is garbage-collected.
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
