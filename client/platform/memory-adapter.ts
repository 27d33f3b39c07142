/**
 * A PouchDB adapter that keeps documents in memory, for browsers without a working IndexedDB. It is loaded only there. It
 * supports what the library and PouchDB's replication use: no attachments, no local documents, no `_all_docs`.
 */
import type { Revision } from '../../couchdb-design/user-document/revision-order.ts';
import {
  createMemoryStore,
  describeStore,
  followChanges,
  readDocument,
  readRevisionTree,
  reportChanges,
  storeDocuments,
  type ChangesOptions,
  type MemoryStore,
  type NewDocument,
} from './memory-store.ts';

export const MEMORY_ADAPTER = 'pouchgate-memory';

/** PouchDB's default. */
const DEFAULT_REVS_LIMIT = 1_000;

type Callback = (error: unknown, result?: unknown) => void;

const stores = new Map<string, MemoryStore>();

/** Calls back asynchronously, as IndexedDB does. */
const reply = (callback: Callback, compute: () => unknown): void =>
  queueMicrotask(() => {
    let result: unknown;
    try {
      result = compute();
    } catch (error) {
      callback(error);
      return;
    }
    callback(null, result);
  });

/** Returns an adapter's members, as PouchDB calls them. */
function createAdapter(name: string, store: MemoryStore): object {
  const cancellations = new Set<() => void>();
  const stopFeeds = (): void => cancellations.forEach((cancel) => cancel());
  return {
    _remote: false,
    _id: () => Promise.resolve(store.uuid),
    _info: (callback: Callback) => reply(callback, () => describeStore(store)),
    _get: (id: string, options: { readonly rev?: Revision; readonly latest?: boolean }, callback: Callback) =>
      reply(callback, () => readDocument(store, id, options)),
    _getRevisionTree: (id: string, callback: Callback) => reply(callback, () => readRevisionTree(store, id)),
    _bulkDocs: (
      { docs }: { readonly docs: readonly NewDocument[] },
      { new_edits: isNewEdit = true }: { readonly new_edits?: boolean },
      callback: Callback,
    ) => reply(callback, () => storeDocuments(store, docs, isNewEdit)),
    _changes: (options: ChangesOptions & { readonly complete: Callback }) => {
      if (!options.continuous) {
        reply(options.complete, () => reportChanges(store, options));
        return undefined;
      }
      const stop = followChanges(store, options);
      cancellations.add(stop);
      return {
        cancel: () => {
          cancellations.delete(stop);
          stop();
        },
      };
    },
    _close: (callback: Callback) => {
      stopFeeds();
      reply(callback, () => undefined);
    },
    _destroy: (_options: unknown, callback: Callback) => {
      stopFeeds();
      stores.delete(name);
      reply(callback, () => ({ ok: true }));
    },
  };
}

interface OpenOptions {
  readonly name: string;
  readonly revs_limit?: number;
}

function MemoryPouch(this: object, options: OpenOptions, callback: Callback): void {
  const { name, revs_limit: revsLimit = DEFAULT_REVS_LIMIT } = options;
  const store = stores.get(name) ?? createMemoryStore(revsLimit);
  stores.set(name, store);
  Object.assign(this, createAdapter(name, store));
  queueMicrotask(() => callback(null, this));
}
MemoryPouch.valid = () => true;
MemoryPouch.use_prefix = false;

/** The plugin that registers the adapter under `MEMORY_ADAPTER`. It is never chosen by default. */
export const memoryAdapter = (PouchDB: unknown): void =>
  (PouchDB as { readonly adapter: (...registration: readonly unknown[]) => void }).adapter(
    MEMORY_ADAPTER,
    MemoryPouch,
    false,
  );
