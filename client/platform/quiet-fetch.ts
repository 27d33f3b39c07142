/**
 * PouchDB asks for a database's info beside its replication and handles no failure of that, so every lost connection
 * would be an unhandled rejection. What it gets is therefore never a rejection: a failure is an answer that says so, and
 * after the end of a run there is no answer at all, since nobody is there to take it.
 */
const unreachable = (error: unknown): Response =>
  Response.json(
    { error: 'unreachable', reason: error instanceof Error ? error.message : 'The server cannot be reached.' },
    { status: 503 },
  );

/** `ended` is aborted when whoever uses the fetch has stopped listening. */
export function quietFetch(fetch: typeof globalThis.fetch, ended: AbortSignal): typeof globalThis.fetch {
  return async (input, init) => {
    const answer = await fetch(input, init).catch(unreachable);
    return ended.aborted ? new Promise<never>(() => undefined) : answer;
  };
}
