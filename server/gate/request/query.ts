/**
 * A query string, parsed as CouchDB does: keys are case-insensitive, and the last of several values wins. It is parsed
 * once, and only known parameters are sent upstream, so the upstream cannot interpret it differently.
 */
export class Query {
  readonly #values: ReadonlyMap<string, string>;

  constructor(rawUrl: string) {
    const start = rawUrl.indexOf('?');
    const pairs = new URLSearchParams(start < 0 ? '' : rawUrl.slice(start + 1));
    this.#values = new Map([...pairs].map(([key, value]) => [key.toLowerCase(), value]));
  }

  text(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** Returns whether the value is exactly `true`. */
  flag(key: string): boolean {
    return this.#values.get(key) === 'true';
  }

  /** Returns a non-negative integer of at most nine digits, which is safe for arithmetic; undefined otherwise. */
  integer(key: string): number | undefined {
    const text = this.#values.get(key);
    return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  }
}
