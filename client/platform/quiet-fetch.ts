/**
 * PouchDB asks for a database's id and info beside its replication and swallows every failure of that, or leaves it
 * unhandled. What it gets is therefore never a rejection: a failure is told to whoever runs the replication, who ends it;
 * and there is no answer at all then, since nobody is there any more to take one.
 */
export function quietFetch(
  fetch: typeof globalThis.fetch,
  ended: AbortSignal,
  onFailure: () => void,
): typeof globalThis.fetch {
  return async (input, init) => {
    const answer = await fetch(input, init).catch(() => {
      // What PouchDB itself has called off, as it does with a longpoll when it is cancelled, is no failure.
      if (init?.signal?.aborted !== true) onFailure();
    });
    return answer === undefined || ended.aborted ? new Promise<never>(() => undefined) : answer;
  };
}
