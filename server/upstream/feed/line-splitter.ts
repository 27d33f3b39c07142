/** No change of ours comes near this; a line that does is not CouchDB's, and is not kept in memory. In characters. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Cuts a text that comes in pieces into lines, in time that grows with the text alone, however small the pieces are. */
export class FeedLines {
  #rest = '';

  /** The lines that end in this piece, without their ends. Throws at a line that is too long to be one. */
  *take(piece: string): Iterable<string> {
    let from = 0;
    for (let end = piece.indexOf('\n'); end !== -1; end = piece.indexOf('\n', from)) {
      const line = this.#rest + piece.slice(from, end);
      this.#rest = '';
      from = end + 1;
      yield line;
    }
    this.#rest += piece.slice(from);
    if (this.#rest.length > LONGEST_LINE) throw new Error('a line without an end');
  }
}
