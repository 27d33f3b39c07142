import type { IncomingMessage } from 'node:http';
import { Tokenizer, TokenParser, TokenType } from '@streamparser/json';
import { badRequest, clientDisconnected, HttpError, tooLarge, serviceUnavailable } from '../../http/errors.ts';
import { refusedRow } from './bulk-docs.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { RunTurn } from '../../lib/fair-turns.ts';
import { KeyedConcurrencyLimit } from '../../lib/keyed-concurrency-limit.ts';
import { MAX_BODY_BYTES } from '../request/body.ts';

/**
 * A batch that is too large to be read into memory. PouchDB would retry forever after a 413, so the ids and revisions of
 * the rows are parsed from the stream, and each row is refused separately: PouchDB then drops those revisions and continues.
 */

/** Above this a batch is 413 as a whole: the cost of reading it grows with its size. */
const MAX_READ_BYTES = 64 * 1024 * 1024;
/** PouchDB sends 100 rows at a time; CouchDB's replicator up to 500. */
const MAX_ROWS = 1_000;
/** Deeper than any valid document. Each open level takes memory. */
const MAX_DEPTH = 64;
/** In characters. No own id or revision is longer. */
const MAX_ID_LENGTH = 256;
/** A slow batch must not delay its user's next one for longer than this. */
const READ_TIMEOUT_MS = 30_000;

interface RowId {
  id: string | undefined;
  rev: string | undefined;
}

/** Extracts `_id` and `_rev` of each row from the chunks of a batch. Buffers nothing else but the current string. */
export class RowIdParser {
  readonly rows: RowId[] = [];
  readonly #tokenizer = new Tokenizer();
  // Validates the tokens against JSON's grammar. Without paths and a stack it drops every value immediately.
  readonly #grammar = new TokenParser({ paths: [], keepStack: false });
  #depth = 0;
  #lastString: string | undefined;
  /** The current member name, of the batch (depth 1) and of the row (depth 3). */
  #batchMember: string | undefined;
  #rowMember: string | undefined;
  #inDocs = false;
  #row: RowId | undefined;

  constructor() {
    this.#tokenizer.onToken = (parsed) => {
      this.#onToken(parsed.token, parsed.value);
      this.#grammar.write(parsed);
    };
    this.#grammar.onValue = () => undefined;
  }

  /** Throws 400 for invalid JSON or too deep nesting, 413 for too many rows. */
  write(chunk: Buffer): void {
    this.#toHttpErrors(() => this.#tokenizer.write(chunk));
  }

  /** Throws 400 when the JSON is incomplete. */
  end(): void {
    this.#toHttpErrors(() => {
      if (!this.#grammar.isEnded) this.#grammar.end();
    });
  }

  #toHttpErrors(step: () => void): void {
    try {
      step();
    } catch (error) {
      throw error instanceof HttpError ? error : badRequest('invalid UTF-8 JSON');
    }
  }

  #onToken(token: TokenType, value: unknown): void {
    switch (token) {
      case TokenType.LEFT_BRACE:
      case TokenType.LEFT_BRACKET:
        this.#openContainer(token);
        break;
      case TokenType.RIGHT_BRACE:
      case TokenType.RIGHT_BRACKET:
        this.#depth -= 1;
        if (this.#depth === 2) this.#row = undefined;
        if (this.#depth === 1) this.#inDocs = false;
        break;
      case TokenType.STRING:
        this.#lastString = typeof value === 'string' && value.length <= MAX_ID_LENGTH ? value : undefined;
        if (this.#depth === 3 && this.#row !== undefined) {
          if (this.#rowMember === '_id') this.#row.id = this.#lastString;
          if (this.#rowMember === '_rev') this.#row.rev = this.#lastString;
        }
        break;
      case TokenType.COLON:
        if (this.#depth === 1) this.#batchMember = this.#lastString;
        if (this.#depth === 3) this.#rowMember = this.#lastString;
        break;
      case TokenType.COMMA:
        if (this.#depth === 3) this.#rowMember = undefined;
        break;
      default:
        break;
    }
  }

  #openContainer(token: TokenType): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw badRequest('The body is nested too deeply.');
    if (this.#depth === 2) this.#inDocs = token === TokenType.LEFT_BRACKET && this.#batchMember === 'docs';
    if (this.#depth !== 3) return;
    this.#rowMember = undefined;
    if (!this.#inDocs || token !== TokenType.LEFT_BRACE) return;
    if (this.rows.length >= MAX_ROWS) throw tooLarge(`The batch has more than ${MAX_ROWS} rows.`);
    this.#row = { id: undefined, rev: undefined };
    this.rows.push(this.#row);
  }
}

/** Reads oversize batches, one of each user at a time. */
export class OversizeBatchReader {
  readonly #limit = new KeyedConcurrencyLimit(1);

  /**
   * Resolves with a refused row for each row. Rejects with 400, 413, 499, or with 503 when the batch arrives too slowly.
   *
   * @param user Whose batch it is. A second one of the same user waits.
   * @param runTurn Parses each chunk at the user's turn.
   */
  async refuseRows(req: IncomingMessage, user: string, runTurn: RunTurn): Promise<readonly JsonObject[]> {
    if (Number(req.headers['content-length']) > MAX_READ_BYTES) {
      throw tooLarge(`The body has more than ${MAX_READ_BYTES} bytes.`);
    }
    const rows = await this.#limit.run(user, () => readRowIds(req, runTurn));
    if (rows.length === 0) throw badRequest('POST body must include `docs` parameter.');
    const reason = `A request of more than ${MAX_BODY_BYTES.documents} bytes is not stored.`;
    return rows.map((row) => refusedRow({ kind: 'refusal', ...row, reason }));
  }
}

function readRowIds(req: IncomingMessage, runTurn: RunTurn): Promise<readonly RowId[]> {
  // The client may have disconnected while the request waited.
  if (req.destroyed) return Promise.reject(clientDisconnected());
  const parser = new RowIdParser();
  return new Promise((resolve, reject) => {
    let isDone = false;
    const parse = async (chunk: Buffer): Promise<void> => runTurn(() => parser.write(chunk));
    const onData = (chunk: Buffer): void => {
      req.pause();
      parse(chunk).then(() => {
        if (!isDone) req.resume();
      }, fail);
    };
    const onEnd = (): void =>
      attempt(() => {
        parser.end();
        cleanUp();
        resolve(parser.rows);
      });
    const onClose = (): void => fail(clientDisconnected());
    const timeout = setTimeout(() => fail(serviceUnavailable('The batch took too long to arrive.')), READ_TIMEOUT_MS);
    const cleanUp = (): void => {
      isDone = true;
      clearTimeout(timeout);
      req.pause();
      req.off('data', onData).off('end', onEnd).off('close', onClose);
    };
    const fail = (error: unknown): void => {
      cleanUp();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const attempt = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        fail(error);
      }
    };
    req.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}
