import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../couchdb-design/user-document/canonical-json.ts';
import { getIdPrefix, type DesignDocument } from './design-documents.ts';

/** A design document as set-up stores it, with a digest of its content that reveals changes by hand. */
export interface HashedDesign extends DesignDocument {
  readonly content_hash: string;
}

/** A digest of everything but the id and the revision, so that a copy under another name has the same. */
export function contentHash(document: Readonly<Record<string, unknown>>): string {
  const content = Object.entries(document).filter(([key]) => !['_id', '_rev', 'content_hash'].includes(key));
  return `sha256-${createHash('sha256')
    .update(canonicalJson(Object.fromEntries(content)))
    .digest('hex')}`;
}

/** Adds the digest of the content, as set-up stores it. */
export const addContentHash = <D extends DesignDocument>(design: D): D & HashedDesign => ({
  ...design,
  content_hash: contentHash(design),
});

/** How a stored design document compares with the expected one. */
export type DesignComparison =
  | 'absent'
  | 'current'
  /** The content is current, but has no hash: an early version wrote it. */
  | 'unsealed'
  /** Written by another version of Pouchgate, and not changed since. */
  | 'other-version'
  /** Written by Pouchgate, for another id prefix. */
  | 'other-prefix'
  /** Written by Pouchgate, and changed since. */
  | 'changed-by-hand'
  /** Not written by Pouchgate. */
  | 'foreign';

/** `stored` is the document as CouchDB returns it, undefined if there is none. */
export function compareDesign(
  expected: DesignDocument,
  stored: Readonly<Record<string, unknown>> | undefined,
): DesignComparison {
  if (stored === undefined) return 'absent';
  const [expectedHash, actualHash, storedHash] = [contentHash(expected), contentHash(stored), stored['content_hash']];
  if (actualHash === expectedHash) return storedHash === expectedHash ? 'current' : 'unsealed';
  if (storedHash === undefined) return 'foreign';
  if (getIdPrefix(stored) !== getIdPrefix(expected)) return 'other-prefix';
  return storedHash === actualHash ? 'other-version' : 'changed-by-hand';
}

/** A sentence, without its full stop, about `other-prefix`. */
export const describePrefixMismatch = (
  expected: DesignDocument,
  stored: Readonly<Record<string, unknown>>,
  database: string,
): string =>
  `The documents of ${database} have ids that begin with ${getIdPrefix(stored) ?? ''}, and ID_PREFIX is ${getIdPrefix(expected) ?? ''}: set ID_PREFIX to the existing prefix, or choose another name in REGISTRY_DB`;

/** Whether two design documents share an index: CouchDB names it by a digest of these members, PouchDB by fewer. */
export function hasSameViews(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>> | undefined,
): boolean {
  const of = ({ views, language, options }: Readonly<Record<string, unknown>>): string =>
    canonicalJson({ views: views ?? {}, language, options: options ?? {} });
  return b !== undefined && of(a) === of(b);
}
