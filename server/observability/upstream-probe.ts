import { parseSeq, seqNumber } from '../upstream/feed/row.ts';
import { authorizationOf, type Upstream } from '../upstream/client.ts';

/** What a cheap request to the upstream showed. */
export type Probed =
  | { readonly answered: false }
  /** `seq`: the number in front of the registry's newest sequence. */
  | { readonly answered: true; readonly seq: number };

/** Times in ms: how long an answer is good for all who ask, and how long one is waited for. */
const GOOD_FOR = 1_000;
const TIMEOUT = 2_000;

/**
 * Asks `GET /<registry>` at most once a second, however many ask: anybody may, and must not be able to keep the database
 * busy with it. Never rejects.
 */
export class Probe {
  readonly #ask: () => Promise<Probed>;
  readonly #now: () => number;
  #known: { readonly at: number; readonly probed: Probed } | undefined;
  #asking: Promise<Probed> | undefined;

  constructor(ask: () => Promise<Probed>, now: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  /** The newest answer, whatever its age. */
  get last(): Probed | undefined {
    return this.#known?.probed;
  }

  ask(): Promise<Probed> {
    if (this.#known !== undefined && this.#now() - this.#known.at < GOOD_FOR)
      return Promise.resolve(this.#known.probed);
    this.#asking ??= this.#askAnew();
    return this.#asking;
  }

  async #askAnew(): Promise<Probed> {
    const probed = await this.#ask().catch(() => ({ answered: false }) as const);
    this.#known = { at: this.#now(), probed };
    this.#asking = undefined;
    return probed;
  }
}

/** Reads the registry's sequence, over the connections that the gate's own reads go by. */
export function askUpstream({ access, fetch }: Upstream, registry: string): () => Promise<Probed> {
  return async () => {
    const answer = await fetch(`/${encodeURIComponent(registry)}`, {
      headers: { authorization: authorizationOf(access), accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const info: unknown = await answer.json();
    if (!answer.ok || typeof info !== 'object' || info === null || !('update_seq' in info)) return { answered: false };
    return { answered: true, seq: seqNumber(parseSeq(info.update_seq)) };
  };
}
