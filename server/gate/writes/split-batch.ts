import { badRequest, tooLarge, type HttpError } from '../../http/errors.ts';
import { JsonCounter, JsonTokens, TOKEN, type Excess, type Token } from '../../lib/json-scan.ts';
import { parseJson } from '../../lib/json.ts';
import { BODY_LIMITS, ROW_LIMITS } from '../request/body-limits.ts';

/**
 * Splits a batch into its rows before anything is parsed. A batch is refused as a whole only if no honest client could have sent it:
 * PouchDB would send it again for ever. A row that exceeds a limit is refused alone, and never parsed.
 */

/** A row of one character is answered by 60. PouchDB sends 100 rows at a time, CouchDB's replicator 500. */
const MAX_BATCH_ROWS = 10_000;
/** In bytes. No own id or revision is longer. */
const MAX_ID_BYTES = 1_024;
/** In bytes. No member's name that matters is longer. */
const MAX_NAME_BYTES = 8;

const WHITE_SPACE = [0x20, 0x09, 0x0a, 0x0d];

/** The position of a row in the batch. */
export interface RowText {
  readonly start: number;
  readonly end: number;
  /** How the row exceeds a limit, as the end of a sentence. */
  readonly excess: string | undefined;
}

export interface BatchText {
  /** The items of `docs`. */
  readonly rows: readonly RowText[];
  /** The batch with an empty list in place of `docs`. */
  readonly envelope: Uint8Array;
}

/** Throws 400 for a body without a list `docs`, 413 for one with too many rows or other members. It may return text that is not JSON. */
export function splitBatch(bytes: Uint8Array): BatchText {
  const splitter = new BatchSplitter(bytes);
  return splitter.split();
}

class BatchSplitter {
  readonly #bytes: Uint8Array;
  readonly #tokens: JsonTokens;
  readonly #envelope = new JsonCounter(BODY_LIMITS['bulk-docs']);
  readonly #rows: RowText[] = [];
  #docs: { readonly start: number; readonly end: number } | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#tokens = new JsonTokens(bytes);
  }

  split(): BatchText {
    const tokens = this.#tokens;
    let lastString = '';
    let member = '';
    for (let token = tokens.next(); token !== TOKEN.end; token = tokens.next()) {
      const excess = this.#envelope.count(token, tokens.depth);
      if (excess !== undefined) throw toError(excess);
      if (token === TOKEN.string && tokens.depth === 1) lastString = this.#text(tokens.start, tokens.end);
      else if (token === TOKEN.colon && tokens.depth === 1) member = lastString;
      else if (token === TOKEN.openArray && tokens.depth === 2 && member === '"docs"') this.#splitRows();
    }
    const bytes = this.#bytes;
    if (this.#docs === undefined) throw badRequest('POST body must include `docs` parameter.');
    const { start, end } = this.#docs;
    const envelope = new Uint8Array(start + bytes.length - end);
    envelope.set(bytes.subarray(0, start));
    envelope.set(bytes.subarray(end), start);
    return { rows: this.#rows, envelope };
  }

  /** Reads the items up to the end of the list. */
  #splitRows(): void {
    if (this.#docs !== undefined) throw badRequest('The batch has more than one member `docs`.');
    const tokens = this.#tokens;
    const start = tokens.end;
    let row = new RowScan(start);
    for (let token = tokens.next(); token !== TOKEN.end; token = tokens.next()) {
      const isEnd = tokens.depth < 2;
      if (!isEnd && !(token === TOKEN.comma && tokens.depth === 2)) {
        row.count(token, tokens.depth - 2);
        continue;
      }
      const isEmpty = isEnd && this.#rows.length === 0 && isBlank(this.#bytes, row.start, tokens.start);
      if (!isEmpty) this.#rows.push(row.endAt(tokens.start));
      if (this.#rows.length > MAX_BATCH_ROWS) throw tooLarge(`A batch has at most ${MAX_BATCH_ROWS} rows.`);
      if (isEnd) {
        this.#docs = { start, end: tokens.start };
        return;
      }
      row = new RowScan(tokens.end);
    }
    throw badRequest('invalid UTF-8 JSON');
  }

  /** Returns a short text; '' for a longer one. */
  #text(start: number, end: number): string {
    return end - start > MAX_NAME_BYTES ? '' : Buffer.from(this.#bytes.subarray(start, end)).toString('latin1');
  }
}

function toError({ limit, message }: Excess): HttpError {
  const reason = `The batch ${message}, apart from its rows.`;
  return limit === 'depth' ? badRequest(reason) : tooLarge(reason);
}

/** Whether a range contains only the white space of JSON. */
function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (!WHITE_SPACE.includes(bytes[at] ?? 0)) return false;
  return true;
}

class RowScan {
  readonly start: number;
  readonly #counter = new JsonCounter(ROW_LIMITS);
  #excess: string | undefined;

  constructor(start: number) {
    this.start = start;
  }

  count(token: Token, depth: number): void {
    this.#excess ??= this.#counter.count(token, depth)?.message;
  }

  endAt(end: number): RowText {
    const isTooLong = end - this.start > ROW_LIMITS.maxBytes;
    const excess = isTooLong ? `has more than ${ROW_LIMITS.maxBytes} bytes` : this.#excess;
    return { start: this.start, end, excess };
  }
}

/** Returns `_id` and `_rev` of a row, which is not parsed. */
export function readRowId(
  bytes: Uint8Array,
  { start, end }: RowText,
): { readonly _id: string | undefined; readonly _rev: string | undefined } {
  const id: { _id: string | undefined; _rev: string | undefined } = { _id: undefined, _rev: undefined };
  const tokens = new JsonTokens(bytes, start, end);
  let [lastString, member] = ['', ''];
  const textOf = (maxBytes: number): string =>
    tokens.end - tokens.start <= maxBytes ? Buffer.from(bytes.subarray(tokens.start, tokens.end)).toString() : '';
  for (let token = tokens.next(); token !== TOKEN.end; token = tokens.next()) {
    if (tokens.depth !== 1) continue;
    if (token === TOKEN.colon) member = lastString;
    if (token === TOKEN.comma) member = '';
    if (token !== TOKEN.string) continue;
    if (member === '') lastString = textOf(MAX_NAME_BYTES);
    else if (member === '"_id"') id._id = parseString(textOf(MAX_ID_BYTES));
    else if (member === '"_rev"') id._rev = parseString(textOf(MAX_ID_BYTES));
  }
  return id;
}

function parseString(text: string): string | undefined {
  const value = parseJson(text);
  return typeof value === 'string' ? value : undefined;
}
