import type { ServerScope } from 'nano';
import type { UserDocumentId } from '../../couchdb-design/user-document/user-document.ts';
import { NO_DOCUMENT, type LeafState } from './leaf-state.ts';
import { badGateway } from '../http/errors.ts';
import { createBatchLoader } from '../lib/batch-loader.ts';
import { parseFeedRow, type FeedRow } from '../upstream/feed/row.ts';
import { reportBatches, type OnBatch } from '../upstream/report-batches.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';

/** Reads a document's leaves. Rejects with 502 or 503 when the upstream fails. */
export interface LeafReader {
  readonly read: (id: UserDocumentId) => Promise<LeafState>;
}

export interface LeafReaderOptions {
  /** Returns the most ids of one request. With more ids than its threshold CouchDB reads the whole database. */
  readonly maxIds: () => number;
  /** Called after each request. */
  readonly onBatch?: OnBatch | undefined;
  /** Called with the number of leaves of each document that is read, deleted ones included. */
  readonly onLeavesRead?: ((count: number) => void) | undefined;
}

const MAX_IN_FLIGHT = 4;
/** In ms. A read that hangs must not occupy one of the slots for long once the upstream has recovered. */
const READ_TIMEOUT_MS = 5_000;

/** Parses the rows of a `_changes` response. Throws 502 for any other value. */
function parseRows(response: unknown): Map<string, FeedRow> {
  const results: unknown =
    typeof response === 'object' && response !== null && 'results' in response ? response.results : undefined;
  if (!Array.isArray(results)) throw badGateway("The database's answer to _changes has no results.");
  try {
    const rows = results.map(parseFeedRow).filter((row) => row.kind === 'change');
    return new Map(rows.map((row) => [row.id, row]));
  } catch {
    throw badGateway("The database's answer to _changes cannot be read.");
  }
}

/**
 * Reads the leaves of many documents in few requests. `_changes` with `filter=_doc_ids` and `style=all_docs` from the
 * start is a look-up by id in CouchDB. https://docs.couchdb.org/en/stable/api/database/changes.html#filtering
 */
export function createLeafReader(
  couch: ServerScope,
  database: string,
  { maxIds, onBatch = () => undefined, onLeavesRead = () => undefined }: LeafReaderOptions,
): LeafReader {
  const readBatch = async (ids: readonly UserDocumentId[]): Promise<readonly LeafState[]> => {
    const request = {
      db: database,
      path: '_changes',
      method: 'post',
      qs: { filter: '_doc_ids', style: 'all_docs', since: '0' },
      body: { doc_ids: [...new Set(ids)] },
      signal: AbortSignal.timeout(READ_TIMEOUT_MS),
    } as const;
    const response: unknown = await couch.request(request).catch((error: unknown) => {
      throw toUpstreamError(error);
    });
    const rows = parseRows(response);
    for (const { leaves } of rows.values()) onLeavesRead(leaves.length);
    // Selected by exact id: a row that was not requested reaches no caller.
    return ids.map((id) => rows.get(id) ?? NO_DOCUMENT);
  };
  const read = reportBatches(readBatch, onBatch);
  return { read: createBatchLoader({ read, maxBatchSize: maxIds, maxInFlight: MAX_IN_FLIGHT }) };
}
