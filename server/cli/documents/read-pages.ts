import type { ServerScope } from 'nano';
import { z } from 'zod';
import { compareRevisions } from '../../../couchdb-design/user-document/revisions.ts';
import { badGateway } from '../../http/errors.ts';
import { readManyLeaves } from '../../upstream/read-many-leaves.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';

/** A leaf that is not deleted. */
export interface LiveLeaf {
  readonly rev: string;
  /** As it is stored, with `_id` and `_rev`. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A document with every live leaf, the winner first. */
export interface DocumentLeaves {
  readonly id: string;
  readonly live: readonly [LiveLeaf, ...LiveLeaf[]];
}

/** Bounds the memory: a user document has 64 KiB, and one that an operator wrote at most CouchDB's 8 MB. */
const PAGE_SIZE = 100;

const documentSchema = z.looseObject({ _rev: z.string(), _conflicts: z.array(z.string()).optional() });
const pageSchema = z.object({ rows: z.array(z.object({ id: z.string(), doc: documentSchema.nullish() })) });

/** Reads all documents of a database, a page per request, and all live leaves of those in conflict. Design documents are left out. */
export async function* readPages(couch: ServerScope, database: string): AsyncGenerator<readonly DocumentLeaves[]> {
  let last: string | undefined;
  for (;;) {
    const start = last === undefined ? {} : { startkey: last, skip: 1 };
    const options = { ...start, limit: PAGE_SIZE, include_docs: true, conflicts: true };
    const response: unknown = await couch
      .use(database)
      .list(options)
      .catch((error: unknown) => {
        throw toUpstreamError(error);
      });
    const page = pageSchema.safeParse(response).data;
    if (page === undefined) throw badGateway(`The database's response about ${database} is malformed.`);
    const { rows } = page;
    yield await withConflicts(
      couch,
      database,
      rows.flatMap(({ id, doc }) => (doc == null || id.startsWith('_design/') ? [] : [{ id, doc }])),
    );
    last = rows.at(-1)?.id;
    if (rows.length < PAGE_SIZE || last === undefined) return;
  }
}

async function withConflicts(
  couch: ServerScope,
  database: string,
  rows: readonly { readonly id: string; readonly doc: z.infer<typeof documentSchema> }[],
): Promise<DocumentLeaves[]> {
  const requests = rows.flatMap(({ id, doc }) => (doc._conflicts ?? []).map((rev) => ({ id, rev })));
  const others = await readManyLeaves(couch, database, requests);
  return rows.map(({ id, doc: { _conflicts, ...body } }) => {
    const losers = (others.get(id) ?? []).map((leaf): LiveLeaf => ({ rev: leaf._rev, body: leaf }));
    return { id, live: [{ rev: body._rev, body }, ...losers.sort((a, b) => compareRevisions(b.rev, a.rev))] };
  });
}
