import type { ServerScope } from 'nano';
import { z } from 'zod';
import { badGateway, serviceUnavailable } from '../http/errors.ts';
import { toUpstreamError } from './upstream-error.ts';

/** A document as it is to be stored, with `_rev` when it is to follow one. */
export type DocumentWrite = Readonly<Record<string, unknown>> & {
  readonly _id: string;
  readonly _rev?: string;
  readonly _deleted?: boolean;
};

/**
 * Stores one document where only one of several writers may believe that it was the one: the first of an id, or the next
 * of a revision. Resolves with the new revision, and with undefined when another writer has it; rejects with 502 or 503.
 *
 * A cluster of CouchDB tells success to two that come at once. One is stored by a quorum of the copies. The other was taken
 * by a copy that had not heard of the first, which CouchDB calls "accepted" (status 202); it would stay as a conflict, and
 * might even win. It is taken back here. A write that is only accepted since copies are down, and has no rival, stands; but
 * not a deletion, which is the same revision whoever makes it.
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
  const hasSibling = await hasConcurrentSibling(couch, database, document._id, row.rev);
  if (!hasSibling) return row.rev;
  const reverted = await writeDocument(couch, database, { _id: document._id, _rev: row.rev, _deleted: true });
  // Somebody has written upon it meanwhile: then it counts, and is not ours to take back.
  if (reverted === 'conflict') throw serviceUnavailable('Two have written the same document at once.');
  return undefined;
}

const storedSchema = z.object({ id: z.string(), rev: z.string(), accepted: z.boolean().optional() });
const rejectedSchema = z.object({ id: z.string(), error: z.string() });
const rowsSchema = z.tuple([z.union([storedSchema, rejectedSchema])]);

async function writeDocument(
  couch: ServerScope,
  database: string,
  document: DocumentWrite,
): Promise<{ readonly rev: string; readonly accepted: boolean } | 'conflict'> {
  // As a batch, since its answer says for each document whether it was only accepted; nano keeps statuses to itself.
  const response: unknown = await couch
    .use<object>(database)
    .bulk({ docs: [document] })
    .catch((error: unknown) => {
      throw toUpstreamError(error);
    });
  const [row] = rowsSchema.safeParse(response).data ?? [];
  if (row?.id !== document._id) throw badGateway("The database's answer to a write is not one.");
  if ('rev' in row) return { rev: row.rev, accepted: row.accepted ?? false };
  if (row.error === 'conflict') return 'conflict';
  throw badGateway(`The database refused a write (${row.error}).`);
}

/** More than a cluster has copies: all of them that answer are read. */
const ALL_REPLICAS = '9';

const historySchema = z.object({ start: z.number(), ids: z.array(z.string()) });
const leavesSchema = z.array(z.object({ ok: z.object({ _rev: z.string(), _revisions: historySchema }).optional() }));

/** Whether another leaf, deleted or not, has the parent of this one: or, like this one, none. */
async function hasConcurrentSibling(couch: ServerScope, db: string, id: string, rev: string): Promise<boolean> {
  const qs = { open_revs: 'all', revs: 'true', r: ALL_REPLICAS };
  const response: unknown = await couch.request({ db, doc: id, qs }).catch((error: unknown) => {
    throw toUpstreamError(error);
  });
  const leaves = (leavesSchema.safeParse(response).data ?? []).flatMap(({ ok }) => ok ?? []);
  const own = leaves.find(({ _rev }) => _rev === rev)?._revisions;
  if (own === undefined) throw badGateway('The database does not have what was just written.');
  const revisionAt = ({ start, ids }: typeof own, generation: number): string | undefined => ids[start - generation];
  return leaves.some(
    ({ _revisions: other }) =>
      other.start >= own.start &&
      revisionAt(other, own.start) !== revisionAt(own, own.start) &&
      revisionAt(other, own.start - 1) === revisionAt(own, own.start - 1),
  );
}
