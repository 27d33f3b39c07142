import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../../lib/json.ts';

/**
 * CouchDB's replicator accepts leaves only as `multipart/mixed` when it does not use `_bulk_get`, as every version before
 * 3.3 does. https://docs.couchdb.org/en/stable/replication/protocol.html#fetch-changed-documents
 */
export const acceptsMultipart = (accept: string | undefined): boolean =>
  (accept ?? '').split(',').some((range) => /^\s*multipart\/mixed\s*(;|$)/i.test(range));

/** Formats leaves as CouchDB does: `{ok}` as a part with the document, `{missing}` as a part marked as an error. */
export function formatMultipart(leaves: readonly JsonObject[], boundary: string): string {
  const parts = leaves.map((leaf) =>
    'ok' in leaf
      ? `Content-Type: application/json\r\n\r\n${JSON.stringify(leaf['ok'])}`
      : `Content-Type: application/json; error="true"\r\n\r\n${JSON.stringify(leaf)}`,
  );
  return `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--`;
}

export function sendMultipart(res: ServerResponse, leaves: readonly JsonObject[]): void {
  // Random, so that no document can contain it.
  const boundary = randomBytes(16).toString('hex');
  const text = formatMultipart(leaves, boundary);
  res.statusCode = 200;
  res.setHeader('Content-Type', `multipart/mixed; boundary="${boundary}"`);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}
