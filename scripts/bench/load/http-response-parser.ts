/** An answer as it comes in. What is in it is text of one byte a character. */
export interface ResponseHandler {
  onHead(status: number, headers: ReadonlyMap<string, string>): void;
  onBody(text: string): void;
  /** Complete, as its framing says. */
  onEnd(): void;
}

type ParserState =
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
export class HttpResponseParser {
  readonly #handler: ResponseHandler;
  #buffer = '';
  #state: ParserState = { kind: 'head' };

  constructor(events: ResponseHandler) {
    this.#handler = events;
  }

  push(text: string): void {
    this.#buffer += text;
    while (this.#parseNext());
  }

  /** The connection has ended; true when that ends an answer in good order. */
  connectionClosed(): boolean {
    if (this.#state.kind !== 'until-close') return this.#state.kind === 'head' && this.#buffer === '';
    this.#completeResponse();
    return true;
  }

  /** Takes one thing off what has come; false when it has not come whole. */
  #parseNext(): boolean {
    switch (this.#state.kind) {
      case 'head':
        return this.#parseHead();
      case 'bytes':
        return this.#parseBytes(this.#state);
      case 'chunk-size':
        return this.#parseChunkSize();
      case 'chunk-end':
        if (this.#readLine() === undefined) return false;
        this.#state = { kind: 'chunk-size' };
        return true;
      case 'trailers': {
        const line = this.#readLine();
        if (line === '') this.#completeResponse();
        return line !== undefined;
      }
      case 'until-close':
        if (this.#buffer !== '') this.#handler.onBody(this.#consume(this.#buffer.length));
        return false;
    }
  }

  #parseHead(): boolean {
    const length = this.#buffer.indexOf('\r\n\r\n');
    if (length < 0) return false;
    const [first = '', ...lines] = this.#consume(length + 4)
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
    this.#state = getBodyFraming(status, headers);
    this.#handler.onHead(status, headers);
    if (this.#state.kind === 'bytes' && this.#state.left === 0) this.#completeResponse();
    return true;
  }

  #parseBytes(expected: Extract<ParserState, { kind: 'bytes' }>): boolean {
    if (this.#buffer === '') return false;
    const text = this.#consume(Math.min(expected.left, this.#buffer.length));
    expected.left -= text.length;
    this.#handler.onBody(text);
    if (expected.left > 0) return true;
    if (expected.chunked) this.#state = { kind: 'chunk-end' };
    else this.#completeResponse();
    return true;
  }

  #parseChunkSize(): boolean {
    const line = this.#readLine();
    if (line === undefined) return false;
    const size = Number.parseInt(line, 16);
    this.#state = size === 0 ? { kind: 'trailers' } : { kind: 'bytes', left: size, chunked: true };
    return true;
  }

  #completeResponse(): void {
    this.#state = { kind: 'head' };
    this.#handler.onEnd();
  }

  #readLine(): string | undefined {
    const length = this.#buffer.indexOf('\r\n');
    return length < 0 ? undefined : this.#consume(length + 2).slice(0, -2);
  }

  #consume(length: number): string {
    const text = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.slice(length);
    return text;
  }
}

/** RFC 9112, 6.3: how long the body is. */
function getBodyFraming(status: number, headers: ReadonlyMap<string, string>): ParserState {
  if (status === 204 || status === 304) return { kind: 'bytes', left: 0, chunked: false };
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return { kind: 'chunk-size' };
  const length = headers.get('content-length');
  return length === undefined ? { kind: 'until-close' } : { kind: 'bytes', left: Number(length), chunked: false };
}
