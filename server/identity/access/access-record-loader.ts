import type { ServerScope } from 'nano';
import { createBatchLoader } from '../../lib/batch-loader.ts';
import type { ReadAccessRecords } from './access-record-cache.ts';
import { parseAccessRecord } from './access-records.ts';
import { readDocuments } from '../../upstream/read-documents.ts';
import { reportBatches, type OnBatch } from '../../upstream/report-batches.ts';

/** Callers per request. After an outage, thousands of callers are read in a few requests, none of which takes long. */
const MAX_BATCH_SIZE = 250;
const MAX_IN_FLIGHT = 4;

/** Reads access records from the sessions database, those of many callers in one request. */
export function createAccessRecordLoader(
  couch: ServerScope,
  database: string,
  onBatch: OnBatch = () => undefined,
): ReadAccessRecords {
  const readBatch = async (batch: readonly (readonly string[])[]) => {
    const documents = await readDocuments(couch, database, [...new Set(batch.flat())]);
    return batch.map((ids) => new Map(ids.map((id) => [id, parseAccessRecord(id, documents.get(id))])));
  };
  return createBatchLoader({
    read: reportBatches(readBatch, onBatch),
    maxBatchSize: () => MAX_BATCH_SIZE,
    maxInFlight: MAX_IN_FLIGHT,
  });
}
