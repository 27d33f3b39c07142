import { formatViolation } from '../../../couchdb-design/user-document/json-rules.ts';
import type { Values } from '../../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocumentReader } from '../../../couchdb-design/user-document/read-user-document.ts';
import type { UserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import type { JsonObject } from '../../lib/json.ts';

/** A document that was read from a body. */
export interface ReadableContent {
  readonly kind: 'readable';
  readonly document: UserDocument<Values>;
  /** How the body differs from the document, as a sentence; undefined if it is the same, so that it can be stored unchanged. */
  readonly difference: string | undefined;
}

/** A body that this version cannot read. A write on top of it could lose what it contains. */
export interface UnreadableContent {
  readonly kind: 'unreadable';
  readonly reason: string;
}

/** Reads the body of a stored leaf or of a row, with or without CouchDB's members. */
export function readContent(body: JsonObject, read: UserDocumentReader): ReadableContent | UnreadableContent {
  const result = read(body);
  if (!result.ok) return { kind: 'unreadable', reason: result.reason };
  const [repair] = result.repairs;
  const difference = repair === undefined ? undefined : `${formatViolation(repair)}.`;
  return { kind: 'readable', document: result.document, difference };
}
