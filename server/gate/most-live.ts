/**
 * Bounds how many live requests one user has: each costs memory and a read at every change, for as long as its token lives,
 * and many fit on one connection. The oldest gives way, since its client has perhaps gone and come back.
 */
export class MostLive<T extends { end(): void }> {
  readonly #most: number;
  readonly #live = new Map<string, Set<T>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts one in and ends the oldest if it is one too many; call what it returns when the request is over. */
  enter(key: string, request: T): () => void {
    const here = this.#live.get(key) ?? new Set();
    this.#live.set(key, here);
    here.add(request);
    const [oldest] = here;
    if (here.size > this.#most && oldest !== undefined) {
      here.delete(oldest);
      oldest.end();
    }
    return () => {
      here.delete(request);
      if (here.size === 0 && this.#live.get(key) === here) this.#live.delete(key);
    };
  }
}
