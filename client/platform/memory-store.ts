/** The documents of the memory adapter: their revision trees, writes, and changes. Only leaves keep their bodies. */
import SparkMD5 from 'spark-md5';
import { compareRevisions, type Revision } from '../../couchdb-design/user-document/revision-order.ts';
import { winningRevision } from '../../couchdb-design/user-document/winning-revision.ts';

type Body = Readonly<Record<string, unknown>>;

interface StoredRevision {
  readonly rev: Revision;
  /** Undefined for a root, and for the oldest revision whose history is known. */
  readonly parent: Revision | undefined;
  readonly deleted: boolean;
  /** Undefined for an ancestor. */
  readonly body: Body | undefined;
}

interface StoredDocument {
  readonly id: string;
  /** The sequence number of its last change. */
  seq: number;
  readonly revisions: Map<Revision, StoredRevision>;
}

export interface MemoryStore {
  readonly uuid: string;
  /** How many revisions of a branch are kept: PouchDB's option `revs_limit`. */
  readonly revsLimit: number;
  seq: number;
  readonly documents: Map<string, StoredDocument>;
  readonly listeners: Set<() => void>;
}

/** A document as PouchDB passes it to an adapter. */
export interface NewDocument extends Body {
  readonly _id: string;
  readonly _rev?: Revision;
  readonly _deleted?: boolean;
  readonly _revisions?: { readonly start: number; readonly ids: readonly string[] };
}

/** PouchDB's tree of revisions: [id, { status, deleted }, children]. */
type RevisionNode = readonly [string, { readonly status: string; readonly deleted?: true }, readonly RevisionNode[]];

export interface ChangesOptions {
  since: number;
  readonly continuous?: boolean;
  readonly limit?: number;
  readonly doc_ids?: readonly string[];
  readonly descending?: boolean;
  readonly include_docs?: boolean;
  readonly return_docs?: boolean;
  readonly processChange: (document: Body, metadata: unknown, options: unknown) => Record<string, unknown>;
  readonly onChange: (change: unknown) => void;
}

const createError = (status: number, name: string, message: string): Error =>
  Object.assign(new Error(message), { status, name, error: true, reason: message });
const missing = (reason = 'missing'): Error => Object.assign(createError(404, 'not_found', 'missing'), { reason });
const conflict = (): Error => createError(409, 'conflict', 'Document update conflict');

/** In the order of their revisions, so that results do not depend on the order of the writes. */
const sortedRevisions = ({ revisions }: StoredDocument): readonly StoredRevision[] =>
  [...revisions.values()].sort((a, b) => compareRevisions(a.rev, b.rev));

const leavesOf = (document: StoredDocument): readonly StoredRevision[] => {
  const parents = new Set([...document.revisions.values()].map(({ parent }) => parent));
  return sortedRevisions(document).filter(({ rev }) => !parents.has(rev));
};

/** Returns `rev`'s winning descendant without children, or `rev` itself. */
const latestDescendant = (document: StoredDocument, rev: Revision): StoredRevision | undefined => {
  const descendants = leavesOf(document).filter((leaf) => {
    let current: StoredRevision | undefined = leaf;
    while (current && current.rev !== rev) current = document.revisions.get(current.parent ?? '');
    return current !== undefined;
  });
  return winningRevision(descendants);
};

const revisionTree = (document: StoredDocument): readonly { readonly pos: number; readonly ids: RevisionNode }[] => {
  const children = new Map<Revision | undefined, StoredRevision[]>();
  for (const revision of sortedRevisions(document)) {
    const siblings = children.get(revision.parent);
    if (siblings) siblings.push(revision);
    else children.set(revision.parent, [revision]);
  }
  const toNode = ({ rev, deleted, body }: StoredRevision): RevisionNode => [
    rev.slice(rev.indexOf('-') + 1),
    { status: body ? 'available' : 'missing', ...(deleted ? { deleted } : {}) },
    (children.get(rev) ?? []).map(toNode),
  ];
  const roots = children.get(undefined) ?? [];
  return roots.map((root) => ({ pos: Number.parseInt(root.rev, 10), ids: toNode(root) }));
};

/** Removes the ancestors that are `limit` revisions or more from each leaf. */
function removeOldAncestors({ revisions }: StoredDocument, leaves: readonly StoredRevision[], limit: number): void {
  const kept = new Set<Revision>();
  for (const leaf of leaves) {
    let current: StoredRevision | undefined = leaf;
    for (let distance = 0; current && distance < limit; distance += 1) {
      kept.add(current.rev);
      current = revisions.get(current.parent ?? '');
    }
  }
  for (const [rev, revision] of revisions) {
    if (!kept.has(rev)) revisions.delete(rev);
    else if (!kept.has(revision.parent ?? '')) revisions.set(rev, { ...revision, parent: undefined });
  }
}

/** Returns the new revision of a document and its known ancestors, newest first. */
function newRevisions(
  existing: StoredDocument | undefined,
  input: NewDocument,
  isNewEdit: boolean,
): readonly Revision[] {
  const { _rev, _revisions } = input;
  if (!isNewEdit) {
    if (!_revisions) return _rev === undefined ? [] : [_rev];
    return _revisions.ids.map((id, index) => `${_revisions.start - index}-${id}`);
  }
  const leaves = existing ? leavesOf(existing) : [];
  const winner = winningRevision(leaves);
  // An edit replaces a leaf. Without a revision it creates the document, or creates it again on a deleted one.
  const parent = _rev === undefined ? winner : leaves.find(({ rev }) => rev === _rev);
  if (_rev === undefined ? winner?.deleted === false : !parent) throw conflict();
  // PouchDB's revision ids, so that two tabs that write the same edit write the same revision.
  const { _id, ...members } = input;
  const content = _rev === undefined && parent ? { ...members, _rev: parent.rev, _id } : input;
  const hash = SparkMD5.hash(JSON.stringify(content));
  return parent ? [`${Number.parseInt(parent.rev, 10) + 1}-${hash}`, parent.rev] : [`1-${hash}`];
}

function storeDocument(store: MemoryStore, input: NewDocument, isNewEdit: boolean): unknown {
  const existing = store.documents.get(input._id);
  const chain = newRevisions(existing, input, isNewEdit);
  const [rev] = chain;
  if (rev === undefined) throw createError(400, 'bad_request', 'Invalid rev format');
  const document: StoredDocument = existing ?? { id: input._id, seq: 0, revisions: new Map() };
  if (!document.revisions.has(rev)) {
    const body = Object.fromEntries(
      Object.entries(input).filter(([key]) => !['_rev', '_revisions', '_deleted'].includes(key)),
    );
    chain.forEach((revision, index) => {
      const known = document.revisions.get(revision);
      const parent = known?.parent ?? chain[index + 1];
      // The body of an ancestor is no longer needed.
      const deleted = index === 0 ? input._deleted === true : known?.deleted === true;
      document.revisions.set(revision, { rev: revision, parent, deleted, body: index === 0 ? body : undefined });
    });
    if (document.revisions.size > store.revsLimit) removeOldAncestors(document, leavesOf(document), store.revsLimit);
    document.seq = store.seq += 1;
    store.documents.set(input._id, document);
  }
  return { ok: true, id: input._id, rev };
}

function findDocument(store: MemoryStore, id: string): StoredDocument {
  const document = store.documents.get(id);
  if (!document) throw missing();
  return document;
}

/** Creates an empty store. */
export const createMemoryStore = (revsLimit: number): MemoryStore => ({
  uuid: crypto.getRandomValues(new Uint32Array(4)).join(''),
  revsLimit,
  seq: 0,
  documents: new Map(),
  listeners: new Set(),
});

/** Returns the number of documents and the last sequence number. */
export function describeStore(store: MemoryStore): object {
  const isLive = (document: StoredDocument): boolean => winningRevision(leavesOf(document))?.deleted === false;
  return { doc_count: [...store.documents.values()].filter(isLive).length, update_seq: store.seq };
}

/**
 * Returns a revision of a document, the winning one by default. With `latest` it returns the winning descendant of `rev`.
 * Throws PouchDB's 404 if there is none, or if its body is not kept.
 */
export function readDocument(
  store: MemoryStore,
  id: string,
  { rev, latest }: { readonly rev?: Revision; readonly latest?: boolean },
): object {
  const document = findDocument(store, id);
  const found =
    rev === undefined
      ? winningRevision(leavesOf(document))
      : latest
        ? latestDescendant(document, rev)
        : document.revisions.get(rev);
  if (!found?.body) throw missing();
  if (rev === undefined && found.deleted) throw missing('deleted');
  const metadata = { id, rev_tree: revisionTree(document) };
  return { doc: structuredClone({ ...found.body, _rev: found.rev }), metadata };
}

/** Returns the revision tree of a document. Throws PouchDB's 404 if there is none. */
export const readRevisionTree = (store: MemoryStore, id: string): unknown => revisionTree(findDocument(store, id));

/** Stores documents, and notifies the listeners. Returns a result or an error for each document. */
export function storeDocuments(store: MemoryStore, documents: readonly NewDocument[], isNewEdit: boolean): unknown[] {
  const results = structuredClone(documents).map((document) => {
    try {
      return storeDocument(store, document, isNewEdit);
    } catch (error) {
      return error;
    }
  });
  store.listeners.forEach((listener) => listener());
  return results;
}

/** Reports the changes after `since`, and returns them with the sequence number to continue from. */
export function reportChanges(store: MemoryStore, options: ChangesOptions): object {
  const changes = listChanges(store, options);
  changes.forEach(options.onChange);
  const isAll = changes.length < (options.limit ?? Infinity);
  const lastSeq = isAll ? store.seq : changes.at(-1)?.['seq'];
  return { results: options.return_docs === false ? [] : changes, last_seq: lastSeq };
}

/** Returns the changes after `since` in their order. */
function listChanges(store: MemoryStore, options: ChangesOptions): readonly Record<string, unknown>[] {
  const changed = [...store.documents.values()]
    .filter(({ id, seq }) => seq > options.since && (options.doc_ids?.includes(id) ?? true))
    .sort((a, b) => (options.descending ? b.seq - a.seq : a.seq - b.seq))
    .slice(0, options.limit ?? Infinity);
  return changed.map((document) => {
    const winner = winningRevision(leavesOf(document));
    const metadata = { id: document.id, rev_tree: revisionTree(document) };
    const marks = { _rev: winner?.rev, ...(winner?.deleted ? { _deleted: true } : {}) };
    const body = structuredClone({ ...winner?.body, ...marks });
    const { doc, ...change } = options.processChange(body, metadata, options);
    return { ...change, seq: document.seq, ...(options.include_docs ? { doc } : {}) };
  });
}

/** Follows the changes, and returns a function that ends the feed. Changes are reported asynchronously, as by IndexedDB. */
export function followChanges(store: MemoryStore, options: ChangesOptions): () => void {
  let isQueued = false;
  let isCancelled = false;
  const report = (): void => {
    isQueued = false;
    for (const change of listChanges(store, options)) {
      if (isCancelled) return;
      options.since = change['seq'] as number;
      options.onChange(change);
    }
  };
  const queue = (): void => {
    if (!isQueued) queueMicrotask(report);
    isQueued = true;
  };
  store.listeners.add(queue);
  queue();
  return () => {
    isCancelled = true;
    store.listeners.delete(queue);
  };
}
