import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../../lib/json.ts';

/**
 * CouchDB's replicator asks for leaves as `multipart/mixed` and takes nothing else, when it does not use `_bulk_get`: every
 * one before 3.3 does so. https://docs.couchdb.org/en/stable/replication/protocol.html#fetch-changed-documents
 */
export const acceptsMultipart = (accept: string | undefined): boolean =>
  (accept ?? '').split(',').some((range) => /^\s*multipart\/mixed\s*(;|$)/i.test(range));

/** Leaves as CouchDB sends them: `{ok}` is a part that is the document, and `{missing}` one that is marked as an error. */
export function formatMultipart(leaves: readonly JsonObject[], boundary: string): string {
  const parts = leaves.map((leaf) =>
    'ok' in leaf
      ? `Content-Type: application/json\r\n\r\n${JSON.stringify(leaf['ok'])}`
      : `Content-Type: application/json; error="true"\r\n\r\n${JSON.stringify(leaf)}`,
  );
  return `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--`;
}

export function sendMultipart(res: ServerResponse, leaves: readonly JsonObject[]): void {
  // Nobody can have put it into a document beforehand.
  const boundary = randomBytes(16).toString('hex');
  const text = formatMultipart(leaves, boundary);
  res.statusCode = 200;
  res.setHeader('Content-Type', `multipart/mixed; boundary="${boundary}"`);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}
