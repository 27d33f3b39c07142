import type { IncomingMessage } from 'node:http';
import { badRequest, clientDisconnected, tooLarge, serviceUnavailable } from '../../http/errors.ts';
import { refusedRow } from './bulk-docs.ts';
import { RowIdParser, type RowId } from './row-id-parser.ts';
import type { JsonObject } from '../../lib/json.ts';
import { MAX_BATCH_BYTES } from '../request/body-limits.ts';

/**
 * A batch that is too large to be read into memory. PouchDB would retry forever after a 413, so the ids and revisions of
 * the rows are parsed from the stream, and each row is refused separately: PouchDB then drops those revisions and continues.
 */

/** Above this a batch is 413 as a whole: the cost of reading it grows with its size. */
const MAX_READ_BYTES = 64 * 1024 * 1024;
/** A slow batch must not block the next one for longer than this. */
const READ_TIMEOUT_MS = 30_000;

/** Reads oversize batches, one at a time in this process; a second one is refused with 503. */
export class OversizeBatchReader {
  #isBusy = false;

  /** Resolves with a refused row for each row. Rejects with 400, 413, or with 503 while another batch is being read. */
  async refuseRows(req: IncomingMessage): Promise<readonly JsonObject[]> {
    if (Number(req.headers['content-length']) > MAX_READ_BYTES) {
      throw tooLarge(`The body has more than ${MAX_READ_BYTES} bytes.`);
    }
    if (this.#isBusy) throw serviceUnavailable('Another large batch is being read.');
    this.#isBusy = true;
    try {
      const rows = await readRowIds(req);
      if (rows.length === 0) throw badRequest('POST body must include `docs` parameter.');
      const reason = `A request of more than ${MAX_BATCH_BYTES} bytes is not stored.`;
      return rows.map((row) => refusedRow({ kind: 'refusal', ...row, reason }));
    } finally {
      this.#isBusy = false;
    }
  }
}

function readRowIds(req: IncomingMessage): Promise<readonly RowId[]> {
  const parser = new RowIdParser();
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => attempt(() => parser.write(chunk));
    const onEnd = (): void =>
      attempt(() => {
        parser.end();
        cleanUp();
        resolve(parser.rows);
      });
    const onClose = (): void => fail(clientDisconnected());
    const timeout = setTimeout(() => fail(serviceUnavailable('The batch took too long to arrive.')), READ_TIMEOUT_MS);
    const cleanUp = (): void => {
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
