import type { IncomingMessage, ServerResponse } from 'node:http';
import expressPouchDB from 'express-pouchdb';
import type { EngineDatabase } from './database.ts';
import type { LocalPouch } from './pouchdb.ts';

/**
 * What is left to express-pouchdb: `_all_docs`, views, compaction. Its other parts are not even loaded, for at 4.2 they
 * cannot hold off a signed-in user: `_bulk_get` and `_find` ask nobody who he is, `PUT /_users/<own>` is done with an
 * administrator's rights, `_local/_security` is a document that a member may write, and its validation writes the old
 * revision tree over the one that is replicated.
 */
export type Delegate = (database: EngineDatabase, request: IncomingMessage, response: ServerResponse) => void;

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
    // Or else it answers JSON as plain text.
    request.headers.accept = 'application/json';
    app(request, response);
  };
}

/** express-pouchdb looks for a constructor; it only ever gets databases that are open already. */
function createConstructorStub(handles: Map<string, LocalPouch>): object {
  const neverOpens = (): never => {
    throw new Error('The engine opens its databases itself.');
  };
  return {
    defaults: neverOpens,
    plugin: neverOpens,
    new: neverOpens,
    destroy: neverOpens,
    allDbs: () => Promise.resolve([...handles.keys()]),
    __dbCacheMap: handles,
  };
}

/**
 * express-pouchdb wraps methods of the databases that it gets. It gets an object of its own for that, and keeps off
 * `info`, which it takes for a URL-encoded name where there is a path.
 */
function createHandle(pouch: LocalPouch): LocalPouch {
  const handle = Object.create(pouch) as LocalPouch;
  Object.defineProperty(handle, 'info', { get: () => pouch.info.bind(pouch), set: () => undefined });
  return handle;
}
