import type { IncomingMessage } from 'node:http';
import { badRequest, clientDisconnected, tooLarge, serviceUnavailable } from '../../http/errors.ts';
import { refusedRow } from './bulk-docs.ts';
import { RowIdParser, type RowId } from './row-id-parser.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { RunTurn } from '../../lib/fair-turns.ts';
import { KeyedConcurrencyLimit } from '../../lib/keyed-concurrency-limit.ts';
import { MAX_BATCH_BYTES } from '../request/body-limits.ts';

/**
 * A batch that is too large to be read into memory. PouchDB would retry forever after a 413, so the ids and revisions of
 * the rows are parsed from the stream, and each row is refused separately: PouchDB then drops those revisions and continues.
 */

/** Above this a batch is 413 as a whole: the cost of reading it grows with its size. */
const MAX_READ_BYTES = 64 * 1024 * 1024;
/** A slow batch must not delay its user's next one for longer than this. */
const READ_TIMEOUT_MS = 30_000;

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
    const reason = `A request of more than ${MAX_BATCH_BYTES} bytes is not stored.`;
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
