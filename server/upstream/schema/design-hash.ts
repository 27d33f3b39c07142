import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../couchdb-design/user-document/canonical-json.ts';
import { getIdPrefix, type DesignDocument } from './design-documents.ts';

/** A design document as it is stored by us: with a digest of its content, by which a change by hand is found out. */
export interface HashedDesign extends DesignDocument {
  readonly content_hash: string;
}

/** Of everything but where it is stored and in which revision, so that it holds under another name too. */
export function contentHash(document: Readonly<Record<string, unknown>>): string {
  const content = Object.entries(document).filter(([key]) => !['_id', '_rev', 'content_hash'].includes(key));
  return `sha256-${createHash('sha256')
    .update(canonicalJson(Object.fromEntries(content)))
    .digest('hex')}`;
}

export const addContentHash = <D extends DesignDocument>(design: D): D & HashedDesign => ({
  ...design,
  content_hash: contentHash(design),
});

/** What stands in the place of a design document of ours. */
export type DesignComparison =
  | 'absent'
  /** As it should be. */
  | 'current'
  /** The content is as it should be, from before there were hashes. */
  | 'unsealed'
  /** Written by another version of this program, and as that left it. */
  | 'other-version'
  /** Written by this program, for documents whose ids begin with something else. */
  | 'other-prefix'
  /** Written by this program, and changed since. */
  | 'changed-by-hand'
  /** Not from here. */
  | 'foreign';

/** `stored` as CouchDB gives it, undefined when there is none. */
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

/** `other-prefix` in words, which end with what to do. */
export const describePrefixMismatch = (
  expected: DesignDocument,
  stored: Readonly<Record<string, unknown>>,
  database: string,
): string =>
  `The documents of ${database} have ids that begin with ${getIdPrefix(stored) ?? ''}, and ID_PREFIX is ${getIdPrefix(expected) ?? ''}: give the one that is there, or another name in REGISTRY_DB`;

/** Whether two design documents have the same index: CouchDB names it by a digest of these members, PouchDB by less. */
export function hasSameViews(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>> | undefined,
): boolean {
  const of = ({ views, language, options }: Readonly<Record<string, unknown>>): string =>
    canonicalJson({ views: views ?? {}, language, options: options ?? {} });
  return b !== undefined && of(a) === of(b);
}
