import { parseSeq, seqNumber } from '../upstream/feed/row.ts';
import { authorizationOf, type Upstream } from '../upstream/client.ts';

/** The result of a cheap request to the upstream. */
export type ProbeResult =
  | { readonly responded: false }
  /** `seq` is the numeric part of the registry's newest sequence. */
  | { readonly responded: true; readonly seq: number };

/** How long a result is cached. */
const CACHE_TTL_MS = 1_000;
const TIMEOUT_MS = 2_000;

/**
 * Sends `GET /<registry>` at most once per second for any number of callers. The readiness endpoint is public, and must not
 * be a way to overload the database.
 */
export class UpstreamProbe {
  readonly #request: () => Promise<ProbeResult>;
  readonly #now: () => number;
  #lastResult: { readonly at: number; readonly result: ProbeResult } | undefined;
  #pending: Promise<ProbeResult> | undefined;

  constructor(request: () => Promise<ProbeResult>, now: () => number = () => performance.now()) {
    this.#request = request;
    this.#now = now;
  }

  /** The latest result, of any age. */
  get last(): ProbeResult | undefined {
    return this.#lastResult?.result;
  }

  /** Resolves with a result that is at most one second old. Never rejects. */
  check(): Promise<ProbeResult> {
    if (this.#lastResult !== undefined && this.#now() - this.#lastResult.at < CACHE_TTL_MS)
      return Promise.resolve(this.#lastResult.result);
    this.#pending ??= this.#refresh();
    return this.#pending;
  }

  async #refresh(): Promise<ProbeResult> {
    const result = await this.#request().catch(() => ({ responded: false }) as const);
    this.#lastResult = { at: this.#now(), result };
    this.#pending = undefined;
    return result;
  }
}

/** Returns a function that reads the registry's sequence, over the connections of the gate's own reads. */
export function createProbeRequest({ access, fetch }: Upstream, registry: string): () => Promise<ProbeResult> {
  return async () => {
    const response = await fetch(`/${encodeURIComponent(registry)}`, {
      headers: { authorization: authorizationOf(access), accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const info: unknown = await response.json();
    if (!response.ok || typeof info !== 'object' || info === null || !('update_seq' in info))
      return { responded: false };
    return { responded: true, seq: seqNumber(parseSeq(info.update_seq)) };
  };
}
