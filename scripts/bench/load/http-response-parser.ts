/** An answer as it comes in. What is in it is text of one byte a character. */
export interface ResponseEvents {
  head(status: number, headers: ReadonlyMap<string, string>): void;
  body(text: string): void;
  /** Complete, as its framing says. */
  end(): void;
}

type Expected =
  | { readonly kind: 'head' }
  /** `left` bytes of a body, or of a chunk. */
  | { readonly kind: 'bytes'; left: number; readonly chunked: boolean }
  | { readonly kind: 'chunk-size' }
  | { readonly kind: 'chunk-end' }
  | { readonly kind: 'trailers' }
  | { readonly kind: 'until-close' };

/**
 * Reads the answers on one connection (RFC 9112), a part at a time, without a stream or a closure of its own for each: ten
 * thousand of these in one process must not be what is measured. For servers that one trusts: it is no safe parser.
 */
export class ResponseReader {
  readonly #events: ResponseEvents;
  #rest = '';
  #expected: Expected = { kind: 'head' };

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  push(text: string): void {
    this.#rest += text;
    while (this.#step());
  }

  /** The connection has ended; true when that ends an answer in good order. */
  closed(): boolean {
    if (this.#expected.kind !== 'until-close') return this.#expected.kind === 'head' && this.#rest === '';
    this.#end();
    return true;
  }

  /** Takes one thing off what has come; false when it has not come whole. */
  #step(): boolean {
    switch (this.#expected.kind) {
      case 'head':
        return this.#head();
      case 'bytes':
        return this.#bytes(this.#expected);
      case 'chunk-size':
        return this.#chunkSize();
      case 'chunk-end':
        if (this.#line() === undefined) return false;
        this.#expected = { kind: 'chunk-size' };
        return true;
      case 'trailers': {
        const line = this.#line();
        if (line === '') this.#end();
        return line !== undefined;
      }
      case 'until-close':
        if (this.#rest !== '') this.#events.body(this.#take(this.#rest.length));
        return false;
    }
  }

  #head(): boolean {
    const length = this.#rest.indexOf('\r\n\r\n');
    if (length < 0) return false;
    const [first = '', ...lines] = this.#take(length + 4)
      .slice(0, -4)
      .split('\r\n');
    const status = Number(first.split(' ')[1]);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    // An interim answer (RFC 9110, 15.2) is none.
    if (status < 200) return true;
    this.#expected = framingOf(status, headers);
    this.#events.head(status, headers);
    if (this.#expected.kind === 'bytes' && this.#expected.left === 0) this.#end();
    return true;
  }

  #bytes(expected: Extract<Expected, { kind: 'bytes' }>): boolean {
    if (this.#rest === '') return false;
    const text = this.#take(Math.min(expected.left, this.#rest.length));
    expected.left -= text.length;
    this.#events.body(text);
    if (expected.left > 0) return true;
    if (expected.chunked) this.#expected = { kind: 'chunk-end' };
    else this.#end();
    return true;
  }

  #chunkSize(): boolean {
    const line = this.#line();
    if (line === undefined) return false;
    const size = Number.parseInt(line, 16);
    this.#expected = size === 0 ? { kind: 'trailers' } : { kind: 'bytes', left: size, chunked: true };
    return true;
  }

  #end(): void {
    this.#expected = { kind: 'head' };
    this.#events.end();
  }

  #line(): string | undefined {
    const length = this.#rest.indexOf('\r\n');
    return length < 0 ? undefined : this.#take(length + 2).slice(0, -2);
  }

  #take(length: number): string {
    const text = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    return text;
  }
}

/** RFC 9112, 6.3: how long the body is. */
function framingOf(status: number, headers: ReadonlyMap<string, string>): Expected {
  if (status === 204 || status === 304) return { kind: 'bytes', left: 0, chunked: false };
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return { kind: 'chunk-size' };
  const length = headers.get('content-length');
  return length === undefined ? { kind: 'until-close' } : { kind: 'bytes', left: Number(length), chunked: false };
}
