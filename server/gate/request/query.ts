/**
 * A query as CouchDB reads it: keys without regard to case, the last of several wins. Reading it here once, and only by
 * the names that an endpoint understands, leaves nothing for an upstream to read differently.
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

  /** `true` is true; everything else is not. */
  flag(key: string): boolean {
    return this.#values.get(key) === 'true';
  }

  /** A whole number of at most nine digits, so that no arithmetic on it can surprise; undefined otherwise. */
  integer(key: string): number | undefined {
    const text = this.#values.get(key);
    return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  }
}
