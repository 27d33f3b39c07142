import { badRequest, tooLarge } from '../../http/errors.ts';
import { TOKEN } from '../../lib/json-scan.ts';
import { parseJson } from '../../lib/json.ts';

/** PouchDB sends 100 rows at a time; CouchDB's replicator up to 500. */
const MAX_ROWS = 1_000;
/** In bytes. No own id or revision is longer. */
const MAX_ID_BYTES = 1_024;
/** In bytes. No member's name that matters is longer. */
const MAX_NAME_BYTES = 8;

const BACKSLASH = 0x5c;
/** The containers of a batch by their depth: the batch, `docs`, a row. */
const ROW_DEPTH = 3;

/** What identifies a row, as far as it is a text. */
export interface RowId {
  id: string | undefined;
  rev: string | undefined;
}

/**
 * Extracts `_id` and `_rev` of each row from the chunks of a batch, in some 3 ns per byte. It buffers nothing but the current id. It
 * does not validate what is inside a row, because no row is stored.
 */
export class RowIdParser {
  readonly rows: RowId[] = [];
  #depth = 0;
  /** Whether each of the outermost containers is an array. */
  readonly #isArray: boolean[] = [];
  #isEnded = false;
  #inString = false;
  #isEscaped = false;
  /** The current string, one character for each byte; undefined if it is not needed, or too long. */
  #text: string | undefined;
  #maxBytes = 0;
  /** The last string that may be the name of a member. A name with an escape sequence is not recognised. */
  #lastName: string | undefined;
  /** The current member name, of the batch and of the row. */
  #batchMember: string | undefined;
  #rowMember: string | undefined;
  #inDocs = false;
  #row: RowId | undefined;

  /** Throws 400 for invalid JSON, 413 for too many rows. */
  write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += 1) {
      if (this.#inString) {
        at = this.#readString(chunk, at);
        continue;
      }
      switch (chunk[at]) {
        case TOKEN.string:
          this.#startString();
          break;
        case TOKEN.openObject:
          this.#open(false);
          break;
        case TOKEN.openArray:
          this.#open(true);
          break;
        case TOKEN.closeObject:
          this.#close(false);
          break;
        case TOKEN.closeArray:
          this.#close(true);
          break;
        case TOKEN.colon:
          if (this.#depth === 1) this.#batchMember = this.#lastName;
          if (this.#depth === ROW_DEPTH) this.#rowMember = this.#lastName;
          break;
        case TOKEN.comma:
          if (this.#depth === ROW_DEPTH) this.#rowMember = undefined;
          break;
        default:
      }
    }
  }

  /** Throws 400 when the JSON is incomplete. */
  end(): void {
    if (!this.#isEnded) throw badRequest('invalid UTF-8 JSON');
  }

  #open(isArray: boolean): void {
    if (this.#isEnded) throw badRequest('invalid UTF-8 JSON');
    this.#depth += 1;
    if (this.#depth > ROW_DEPTH) return;
    this.#isArray[this.#depth] = isArray;
    if (this.#depth === 2) this.#inDocs = isArray && this.#batchMember === 'docs';
    if (this.#depth !== ROW_DEPTH) return;
    this.#rowMember = undefined;
    if (!this.#inDocs || isArray) return;
    if (this.rows.length >= MAX_ROWS) throw tooLarge(`The batch has more than ${MAX_ROWS} rows.`);
    this.#row = { id: undefined, rev: undefined };
    this.rows.push(this.#row);
  }

  #close(isArray: boolean): void {
    const isMatched = this.#depth > ROW_DEPTH || this.#isArray[this.#depth] === isArray;
    if (this.#depth === 0 || !isMatched) throw badRequest('invalid UTF-8 JSON');
    this.#depth -= 1;
    if (this.#depth === 2) this.#row = undefined;
    if (this.#depth === 1) this.#inDocs = false;
    this.#isEnded = this.#depth === 0;
  }

  #startString(): void {
    this.#inString = true;
    const isInRow = this.#depth === ROW_DEPTH && this.#row !== undefined;
    const isId = isInRow && (this.#rowMember === '_id' || this.#rowMember === '_rev');
    const isName = this.#depth === 1 || (isInRow && this.#rowMember === undefined);
    this.#text = isId || isName ? '' : undefined;
    this.#maxBytes = isId ? MAX_ID_BYTES : MAX_NAME_BYTES;
  }

  /** Returns the position of the string's end, or of the last byte of the chunk. */
  #readString(chunk: Buffer, start: number): number {
    let at = start;
    for (; at < chunk.length; at += 1) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (chunk[at] === BACKSLASH) this.#isEscaped = true;
      else if (chunk[at] === TOKEN.string) break;
    }
    if (this.#text !== undefined) {
      const isShort = this.#text.length + at - start <= this.#maxBytes;
      this.#text = isShort ? this.#text + chunk.toString('latin1', start, at) : undefined;
    }
    if (at < chunk.length) this.#endString();
    return at;
  }

  #endString(): void {
    this.#inString = false;
    const text = this.#text;
    if (this.#depth !== ROW_DEPTH || this.#rowMember === undefined) {
      this.#lastName = text;
      return;
    }
    const value = text === undefined ? undefined : parseJson(`"${Buffer.from(text, 'latin1').toString()}"`);
    const id = typeof value === 'string' ? value : undefined;
    if (this.#row !== undefined && this.#rowMember === '_id') this.#row.id = id;
    if (this.#row !== undefined && this.#rowMember === '_rev') this.#row.rev = id;
  }
}
