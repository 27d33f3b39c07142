/** No change of ours comes near this; a line that does is not CouchDB's, and is not kept in memory. In characters. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/** Cuts a text that comes in pieces into lines, in time that grows with the text alone, however small the pieces are. */
export class LineSplitter {
  #remainder = '';

  /** The lines that end in this piece, without their ends. Throws at a line that is too long to be one. */
  *push(chunk: string): Iterable<string> {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', from)) {
      const line = this.#remainder + chunk.slice(from, end);
      this.#remainder = '';
      from = end + 1;
      yield line;
    }
    this.#remainder += chunk.slice(from);
    if (this.#remainder.length > MAX_LINE_CHARS) throw new Error('a line without an end');
  }
}
