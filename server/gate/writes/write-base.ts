import { changedKeys, findWriteViolation } from '../../../couchdb-design/user-document/document-changes.ts';
import { formatViolation } from '../../../couchdb-design/user-document/json-rules.ts';
import { merge } from '../../../couchdb-design/user-document/merge.ts';
import type { PreferenceSchema, Values } from '../../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import type { DocumentLeaf } from './document-tree.ts';

type Document = UserDocument<Values>;

export const LAST_LIVE_REVISION = 'The last live revision cannot be deleted.';

/** The documents of the live leaves, the winner first; or why one of them must not be written over. */
export type LiveDocuments =
  { readonly ok: true; readonly documents: readonly Document[] } | { readonly ok: false; readonly reason: string };

export function liveDocuments(live: readonly DocumentLeaf[]): LiveDocuments {
  const documents: Document[] = [];
  for (const { content } of live) {
    if (content.kind === 'unreadable') return { ok: false, reason: content.reason };
    if (content.kind === 'readable') documents.push(content.document);
  }
  return { ok: true, documents };
}

/** Whether the bodies of all live leaves are what reading them returns. Otherwise a client may send the same flaws back. */
export const isExactlyStored = (live: readonly DocumentLeaf[]): boolean =>
  live.every(({ content }) => content.kind !== 'readable' || content.difference === undefined);

/** Returns the merge of documents; undefined without one. */
function mergeAll(documents: readonly Document[]): Document | undefined {
  const [first, ...others] = documents;
  return first === undefined || others.length === 0 ? first : merge([first, ...others]);
}

/**
 * Returns what a write that becomes `after` is compared with: the merge of the live leaves, but with the state of `after` for each
 * preference that a leaf has in that state. What any leaf has is not new.
 */
export function writeBase(documents: readonly Document[], after: Document): Document | undefined {
  const merged = mergeAll(documents);
  if (merged === undefined || documents.length === 1) return merged;
  const changes = documents.map((document) => new Set(changedKeys(document, after)));
  const known = changedKeys(merged, after).filter((key) => changes.some((changed) => !changed.has(key)));
  const statesOf = (part: 'preferences' | 'edits'): object =>
    Object.fromEntries(known.map((key) => [key, after[part][key]]));
  return {
    ...merged,
    preferences: { ...merged.preferences, ...statesOf('preferences') },
    edits: { ...merged.edits, ...statesOf('edits') },
  };
}

/** Returns the reason why a write must not be stored, as a sentence; undefined when it may be. */
export function findReason(
  before: Document | undefined,
  after: Document,
  schema: PreferenceSchema,
  otherBytes = 0,
): string | undefined {
  const violation = findWriteViolation({ before, after, schema, otherBytes });
  return violation === undefined ? undefined : `${formatViolation(violation)}.`;
}
