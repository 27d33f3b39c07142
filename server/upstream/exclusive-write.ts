import type { ServerScope } from 'nano';
import { z } from 'zod';
import { badGateway, serviceUnavailable } from '../http/errors.ts';
import { describeFailedResponse } from '../http/upstream-failure.ts';
import { toUpstreamError } from './upstream-error.ts';

/** A document to be stored. `_rev` is the revision it updates; without it the document is created. */
export type DocumentWrite = Readonly<Record<string, unknown>> & {
  readonly _id: string;
  readonly _rev?: string;
  readonly _deleted?: boolean;
};

/**
 * Stores one document so that at most one of several concurrent writers succeeds: the first to create an id, or the first
 * to update a revision. Resolves with the new revision, or with undefined when another writer succeeded. Rejects with an
 * HttpError of status 502 or 503.
 *
 * A CouchDB cluster reports success to two concurrent writers. A quorum of replicas stores one write. A replica that does
 * not know it yet takes the other, which CouchDB calls "accepted" (status 202); it would stay as a conflict, and might win.
 * This function deletes it. An accepted write without a concurrent one stands: some replicas are down. An accepted
 * deletion counts as lost, because concurrent deletions have the same revision.
 */
export async function writeExclusively(
  couch: ServerScope,
  database: string,
  document: DocumentWrite,
): Promise<string | undefined> {
  const row = await writeDocument(couch, database, document);
  if (row === 'conflict') return undefined;
  if (!row.accepted) return row.rev;
  if (document._deleted === true) return undefined;
  return await settleAcceptedWrite(couch, database, document._id, row.rev);
}

/**
 * Completes a write that a cluster has only accepted: keeps it unless there is a concurrent one. Resolves with `rev`, or with
 * undefined when the write was reverted.
 */
export async function settleAcceptedWrite(
  couch: ServerScope,
  database: string,
  id: string,
  rev: string,
): Promise<string | undefined> {
  const hasSibling = await hasConcurrentSibling(couch, database, id, rev);
  if (!hasSibling) return rev;
  const reverted = await writeDocument(couch, database, { _id: id, _rev: rev, _deleted: true });
  // Another writer has updated this revision since, so it cannot be reverted.
  if (reverted === 'conflict') throw serviceUnavailable('Two writers changed the same document at once.');
  return undefined;
}

const storedSchema = z.object({ id: z.string(), rev: z.string(), accepted: z.boolean().optional() });
const rejectedSchema = z.object({ id: z.string(), error: z.string(), reason: z.string().optional() });
const rowsSchema = z.tuple([z.union([storedSchema, rejectedSchema])]);

async function writeDocument(
  couch: ServerScope,
  database: string,
  document: DocumentWrite,
): Promise<{ readonly rev: string; readonly accepted: boolean } | 'conflict'> {
  // A `_bulk_docs` row shows whether the write was only accepted. nano does not return the status of a PUT.
  const response: unknown = await couch
    .use<object>(database)
    .bulk({ docs: [document] })
    .catch((error: unknown) => {
      throw toUpstreamError(error);
    });
  const [row] = rowsSchema.safeParse(response).data ?? [];
  if (row?.id !== document._id) throw badGateway("The database's response to a write is malformed.");
  if ('rev' in row) return { rev: row.rev, accepted: row.accepted ?? false };
  if (row.error === 'conflict') return 'conflict';
  throw badGateway(`The database refused a write (${row.error}).`, describeFailedResponse(201, row));
}

/** More than a cluster has replicas, so that every reachable one is read. */
const ALL_REPLICAS = '9';

const historySchema = z.object({ start: z.number(), ids: z.array(z.string()) });
const leavesSchema = z.array(z.object({ ok: z.object({ _rev: z.string(), _revisions: historySchema }).optional() }));

/** Returns whether another branch, deleted or not, has the same parent as this revision, or like it has none. */
async function hasConcurrentSibling(couch: ServerScope, db: string, id: string, rev: string): Promise<boolean> {
  const qs = { open_revs: 'all', revs: 'true', r: ALL_REPLICAS };
  const response: unknown = await couch.request({ db, doc: id, qs }).catch((error: unknown) => {
    throw toUpstreamError(error);
  });
  const leaves = (leavesSchema.safeParse(response).data ?? []).flatMap(({ ok }) => ok ?? []);
  const own = leaves.find(({ _rev }) => _rev === rev)?._revisions;
  if (own === undefined) throw badGateway('The database does not have the revision just written.');
  const revisionAt = ({ start, ids }: typeof own, generation: number): string | undefined => ids[start - generation];
  return leaves.some(
    ({ _revisions: other }) =>
      other.start >= own.start &&
      revisionAt(other, own.start) !== revisionAt(own, own.start) &&
      revisionAt(other, own.start - 1) === revisionAt(own, own.start - 1),
  );
}
