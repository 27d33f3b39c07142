import { isObject } from './json.ts';

/**
 * A stored or replicated document contains CouchDB's members as well, which start with an underscore. Only `_id` belongs
 * to the body. https://docs.couchdb.org/en/stable/api/document/common.html
 */

/** CouchDB's members of a revision, unchecked; see revisions.ts. */
export interface CouchMembers {
  readonly _rev?: unknown;
  readonly _revisions?: unknown;
  readonly _deleted?: unknown;
  readonly _conflicts?: unknown;
}

export interface SplitDocument {
  /** `_id` and the members without an underscore, as a shallow copy. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly members: CouchMembers;
  /** Names of other underscore members, such as `_attachments`. A valid write has none. */
  readonly unknownMembers: readonly string[];
}

const KNOWN_MEMBERS: readonly string[] = ['_rev', '_revisions', '_deleted', '_conflicts'];

/** Separates a document's body from CouchDB's members. Returns `undefined` when the value is not an object. */
export const splitDocument = (value: unknown): SplitDocument | undefined => {
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value);
  const underscored = entries.filter(([key]) => key.startsWith('_') && key !== '_id');
  return {
    body: Object.fromEntries(entries.filter(([key]) => !key.startsWith('_') || key === '_id')),
    members: Object.fromEntries(underscored.filter(([key]) => KNOWN_MEMBERS.includes(key))),
    unknownMembers: underscored.map(([key]) => key).filter((key) => !KNOWN_MEMBERS.includes(key)),
  };
};
