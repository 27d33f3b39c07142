import type { ServerScope } from 'nano';
import { z } from 'zod';
import { parseStoredUsername, USER_DOCUMENT_TYPE } from '../../../../couchdb-design/user-document/user-document.ts';

/** Finds documents that Pouchgate does not write: the database belongs to another application, or its name is mistyped. */

/** Whether Pouchgate writes such a document to this database. */
export type DocumentPredicate = (id: string, document: unknown) => boolean;

const typeOf = (document: unknown): unknown =>
  typeof document === 'object' && document !== null && 'type' in document ? document.type : undefined;

/** Matches user documents by their id and type. */
export const userDocumentPredicate =
  (idPrefix: string): DocumentPredicate =>
  (id, document) =>
    id.startsWith(idPrefix) &&
    parseStoredUsername(id.slice(idPrefix.length)) !== undefined &&
    typeOf(document) === USER_DOCUMENT_TYPE;

/** Matches sessions, suspensions, registrations in progress, failed sign-ins, and the Telegram bot's documents. */
export const isSessionsDocument: DocumentPredicate = (id) =>
  /^(?:session|suspended|registering|attempts|telegram-(?:chat|link|code|code-of)):.|^telegram-(?:lease|updates)$/.test(
    id,
  );

const PAGE_SIZE = 500;
const pageSchema = z.object({ rows: z.array(z.object({ id: z.string(), doc: z.unknown() })) });

/**
 * Resolves with the id of a document that is neither Pouchgate's nor a design document; undefined if there is none.
 * Reads both ends of the id order first: another application's documents are mostly found there. Then reads the whole
 * database, in pages.
 */
export async function findForeignDocument(
  couch: ServerScope,
  db: string,
  isOwnDocument: DocumentPredicate,
): Promise<string | undefined> {
  const readPage = async (qs: Record<string, string | number>): Promise<{ id: string; doc?: unknown }[]> =>
    pageSchema.parse(await couch.request({ db, path: '_all_docs', qs: { include_docs: 'true', ...qs } })).rows;
  const firstForeignId = (rows: readonly { id: string; doc?: unknown }[]): string | undefined =>
    rows.find(({ id, doc }) => !id.startsWith('_design/') && !isOwnDocument(id, doc))?.id;

  for (const descending of ['false', 'true']) {
    const found = firstForeignId(await readPage({ limit: PAGE_SIZE, descending }));
    if (found !== undefined) return found;
  }
  for (let after: string | undefined; ;) {
    const start: Record<string, string | number> = after === undefined ? {} : { startkey: after, skip: 1 };
    const rows = await readPage({ limit: PAGE_SIZE, ...start });
    const found = firstForeignId(rows);
    const last = rows.at(-1)?.id;
    if (found !== undefined || last === undefined || rows.length < PAGE_SIZE) return found;
    after = last;
  }
}
