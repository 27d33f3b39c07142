import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest, methodNotAllowed, notFound, sendJson } from '../../http/errors.ts';
import type { DatabaseContext } from './database-context.ts';
import { getDocument } from './documents.ts';
import type { Json } from './pouchdb.ts';
import { asObject, readJson } from './request.ts';
import { parseId, writeDocuments, type WriteResult } from './write.ts';

/** Handles a request for the document `id`, which is the path after the database, decoded. */
export async function handleDocument(
  context: DatabaseContext,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { path, method } = context;
  // The ids of `_local` and `_design` documents contain a slash. After any other id, a slash would name an attachment.
  const isSpecial = /^_(?:local|design)\/./s.test(id);
  if (id.startsWith('_') ? !isSpecial : path.parts.length > 2) throw notFound();
  const rev = path.query.get('rev') ?? /^"(.+)"$/.exec(request.headers['if-match'] ?? '')?.[1];
  switch (method) {
    case 'GET':
      await sendDocument(context, id, response);
      return;
    case 'PUT':
      await putDocument(context, id, rev, request, response);
      return;
    case 'DELETE':
      await deleteDocument(context, id, rev, response);
      return;
    default:
      throw methodNotAllowed('DELETE,GET,HEAD,PUT');
  }
}

async function sendDocument({ database, path }: DatabaseContext, id: string, response: ServerResponse): Promise<void> {
  const found = await getDocument(database.pouch, id, path.query);
  if (!Array.isArray(found)) response.setHeader('ETag', JSON.stringify(found['_rev']));
  sendJson(response, 200, found);
}

async function putDocument(
  context: DatabaseContext,
  id: string,
  rev: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = asObject(await readJson(request));
  if (body['_id'] !== undefined && body['_id'] !== id) throw badRequest('Document ID must match the path.');
  const document = { ...(rev === undefined ? {} : { _rev: rev }), ...body, _id: parseId(id) };
  await writeDocument(context, document, response);
}

async function deleteDocument(
  context: DatabaseContext,
  id: string,
  rev: string | undefined,
  response: ServerResponse,
): Promise<void> {
  if (rev === undefined) await getDocument(context.database.pouch, id, new Map());
  const tombstone = { _id: id, ...(rev === undefined ? {} : { _rev: rev }), _deleted: true };
  await writeDocument(context, tombstone, response, 200);
}

/** Writes one document and sends its new revision. Throws the HttpError of a rejected write. */
export async function writeDocument(
  context: DatabaseContext,
  document: Json,
  response: ServerResponse,
  status = 201,
): Promise<void> {
  const { database, session, rules, path, passwords } = context;
  const newEdits = path.query.get('new_edits') !== 'false';
  const [written] = await writeDocuments(database, [document], { newEdits, session, security: rules, passwords });
  const { id, rev, error } = written as WriteResult;
  if (error !== undefined) throw error;
  response.setHeader('ETag', JSON.stringify(rev));
  response.setHeader('Location', `/${database.name}/${encodeURIComponent(id)}`);
  sendJson(response, status, { ok: true, id, rev });
}
