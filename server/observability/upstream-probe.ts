import { parseSeq, seqNumber } from '../upstream/feed/row.ts';
import { authorizationOf, type Upstream } from '../upstream/client.ts';

/** What a cheap request to the upstream showed. */
export type ProbeResult =
  | { readonly answered: false }
  /** `seq`: the number in front of the registry's newest sequence. */
  | { readonly answered: true; readonly seq: number };

/** Times in ms: how long an answer is good for all who ask, and how long one is waited for. */
const CACHE_TTL_MS = 1_000;
const TIMEOUT_MS = 2_000;

/**
 * Asks `GET /<registry>` at most once a second, however many ask: anybody may, and must not be able to keep the database
 * busy with it. Never rejects.
 */
export class UpstreamProbe {
  readonly #request: () => Promise<ProbeResult>;
  readonly #now: () => number;
  #lastResult: { readonly at: number; readonly result: ProbeResult } | undefined;
  #pending: Promise<ProbeResult> | undefined;

  constructor(ask: () => Promise<ProbeResult>, now: () => number = () => performance.now()) {
    this.#request = ask;
    this.#now = now;
  }

  /** The newest answer, whatever its age. */
  get last(): ProbeResult | undefined {
    return this.#lastResult?.result;
  }

  check(): Promise<ProbeResult> {
    if (this.#lastResult !== undefined && this.#now() - this.#lastResult.at < CACHE_TTL_MS)
      return Promise.resolve(this.#lastResult.result);
    this.#pending ??= this.#refresh();
    return this.#pending;
  }

  async #refresh(): Promise<ProbeResult> {
    const result = await this.#request().catch(() => ({ answered: false }) as const);
    this.#lastResult = { at: this.#now(), result };
    this.#pending = undefined;
    return result;
  }
}

/** Reads the registry's sequence, over the connections that the gate's own reads go by. */
export function createProbeRequest({ access, fetch }: Upstream, registry: string): () => Promise<ProbeResult> {
  return async () => {
    const response = await fetch(`/${encodeURIComponent(registry)}`, {
      headers: { authorization: authorizationOf(access), accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const info: unknown = await response.json();
    if (!response.ok || typeof info !== 'object' || info === null || !('update_seq' in info))
      return { answered: false };
    return { answered: true, seq: seqNumber(parseSeq(info.update_seq)) };
  };
}
