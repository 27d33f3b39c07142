import type { IncomingMessage, ServerResponse } from 'node:http';
import expressPouchDB from 'express-pouchdb';
import type { EngineDatabase } from './database.ts';
import type { LocalPouch } from './pouchdb.ts';

/**
 * Passes a request to express-pouchdb: `_all_docs`, views, compaction. Its other parts are not loaded, since at 4.2 they
 * do not restrict a signed-in user: `_bulk_get` and `_find` check no access, `PUT /_users/<own>` runs with an
 * administrator's rights, a member may write `_local/_security`, and its validation overwrites a replicated revision tree
 * with the old one.
 */
export type Delegate = (database: EngineDatabase, request: IncomingMessage, response: ServerResponse) => void;

/** Creates the delegate, with express-pouchdb's routes for documents lists, views and compaction only. */
export function createDelegate(): Delegate {
  const handles = new Map<string, LocalPouch>();
  const handleCache = new WeakMap<EngineDatabase, LocalPouch>();
  const app = expressPouchDB(createConstructorStub(handles), {
    mode: 'custom',
    overrideMode: {
      include: ['routes/db', 'routes/all-docs', 'routes/views', 'routes/compact', 'routes/view-cleanup', 'routes/404'],
    },
  });
  return (database, request, response) => {
    const handle = handleCache.get(database) ?? createHandle(database.pouch);
    handleCache.set(database, handle);
    handles.set(database.name, handle);
    // Without this header it sends JSON as plain text.
    request.headers.accept = 'application/json';
    app(request, response);
  };
}

/** express-pouchdb requires a PouchDB constructor. This stub only returns databases that are open already. */
function createConstructorStub(handles: Map<string, LocalPouch>): object {
  const throwOnOpen = (): never => {
    throw new Error('The engine opens its databases itself.');
  };
  return {
    defaults: throwOnOpen,
    plugin: throwOnOpen,
    new: throwOnOpen,
    destroy: throwOnOpen,
    allDbs: () => Promise.resolve([...handles.keys()]),
    __dbCacheMap: handles,
  };
}

/**
 * Returns a separate object for express-pouchdb, which wraps methods of its databases. It cannot replace `info`: its
 * wrapper would decode a path as a URL-encoded name.
 */
function createHandle(pouch: LocalPouch): LocalPouch {
  const handle = Object.create(pouch) as LocalPouch;
  Object.defineProperty(handle, 'info', { get: () => pouch.info.bind(pouch), set: () => undefined });
  return handle;
}
