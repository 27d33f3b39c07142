// Types for the parts that we use of packages without types.

declare module 'express-pouchdb' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  interface EnginePart {
    (request: IncomingMessage, response: ServerResponse): void;
  }
  interface EngineOptions {
    mode: 'custom' | 'fullCouchDB' | 'minimumForPouchDB';
    overrideMode?: { include?: string[]; exclude?: string[] };
    inMemoryConfig?: boolean;
    logPath?: string;
  }
  function expressPouchDB(pouchDB: unknown, options: EngineOptions): EnginePart;
  export = expressPouchDB;
}

declare module 'pouchdb-adapter-leveldb' {
  const plugin: PouchDB.Plugin;
  export = plugin;
}
