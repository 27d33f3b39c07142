/** Far above any change. A longer line is not CouchDB's and is not kept in memory. In characters. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/** Splits a text that arrives in chunks into lines, in time linear in the text, whatever the size of the chunks. */
export class LineSplitter {
  #remainder = '';

  /** Yields the lines that end in this chunk, without the newline. Throws when a line exceeds the limit. */
  *push(chunk: string): Iterable<string> {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', from)) {
      const line = this.#remainder + chunk.slice(from, end);
      this.#remainder = '';
      from = end + 1;
      yield line;
    }
    this.#remainder += chunk.slice(from);
    if (this.#remainder.length > MAX_LINE_CHARS) throw new Error('line too long');
  }
}
