/** Receives the parts of a response as they arrive. Text is Latin-1: one character per byte. */
export interface ResponseHandler {
  onHead(status: number, headers: ReadonlyMap<string, string>): void;
  onBody(text: string): void;
  /** Called when the response is complete according to its framing. */
  onEnd(): void;
}

type ParserState =
  | { readonly kind: 'head' }
  /** `left` bytes remain of the body or of the chunk. */
  | { readonly kind: 'bytes'; left: number; readonly chunked: boolean }
  | { readonly kind: 'chunk-size' }
  | { readonly kind: 'chunk-end' }
  | { readonly kind: 'trailers' }
  | { readonly kind: 'until-close' };

/**
 * Incremental parser for the responses on one connection (RFC 9112). It allocates no stream or closure per response, so
 * ten thousand parsers in one process do not distort the measurement. Only for trusted servers: it does not validate.
 *
 * @example
 * const parser = new HttpResponseParser(handler);
 * socket.setEncoding('latin1').on('data', (text) => parser.push(text));
 */
export class HttpResponseParser {
  readonly #handler: ResponseHandler;
  #buffer = '';
  #state: ParserState = { kind: 'head' };

  constructor(handler: ResponseHandler) {
    this.#handler = handler;
  }

  /** Parses the next part of the connection's bytes and calls the handler for whatever is complete. */
  push(text: string): void {
    this.#buffer += text;
    while (this.#parseNext());
  }

  /** Ends the input. Returns `false` if the connection closed in the middle of a response. */
  connectionClosed(): boolean {
    if (this.#state.kind !== 'until-close') return this.#state.kind === 'head' && this.#buffer === '';
    this.#completeResponse();
    return true;
  }

  /** Parses one element from the buffer. Returns `false` if it is not complete yet. */
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
    // Interim responses (RFC 9110, 15.2) are skipped.
    if (status < 200) return true;
    this.#state = getBodyFraming(status, headers);
    this.#handler.onHead(status, headers);
    if (this.#state.kind === 'bytes' && this.#state.left === 0) this.#completeResponse();
    return true;
  }

  #parseBytes(state: Extract<ParserState, { kind: 'bytes' }>): boolean {
    if (this.#buffer === '') return false;
    const text = this.#consume(Math.min(state.left, this.#buffer.length));
    state.left -= text.length;
    this.#handler.onBody(text);
    if (state.left > 0) return true;
    if (state.chunked) this.#state = { kind: 'chunk-end' };
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

/** Returns the state that reads the body with the framing of RFC 9112, 6.3. */
function getBodyFraming(status: number, headers: ReadonlyMap<string, string>): ParserState {
  if (status === 204 || status === 304) return { kind: 'bytes', left: 0, chunked: false };
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return { kind: 'chunk-size' };
  const length = headers.get('content-length');
  return length === undefined ? { kind: 'until-close' } : { kind: 'bytes', left: Number(length), chunked: false };
}
