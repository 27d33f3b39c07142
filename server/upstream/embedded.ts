import { randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import expressPouchDB from 'express-pouchdb';
import httpAdapter from 'pouchdb-adapter-http';
import leveldbAdapter from 'pouchdb-adapter-leveldb';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-core';
import find from 'pouchdb-find';
import mapreduce from 'pouchdb-mapreduce';
import replication from 'pouchdb-replication';
import type { UpstreamAccess } from './couch.ts';

PouchDB.plugin(httpAdapter).plugin(replication).plugin(mapreduce).plugin(find);
PouchDB.plugin(leveldbAdapter).plugin(memoryAdapter);

export type EmbeddedStorage =
  { readonly kind: 'disk'; readonly directory: string } | { readonly kind: 'memory'; readonly name: string };

/** A request as the engine got it, before anything was made of it. */
export interface EngineRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface EmbeddedOptions {
  readonly storage: EmbeddedStorage;
  /** 0, the default, lets the system choose. */
  readonly port?: number;
  readonly onRequest?: (request: EngineRequest) => void;
}

export interface EmbeddedEngine {
  readonly access: UpstreamAccess;
  close(): Promise<void>;
}

/** Starts a CouchDB-compatible engine in this process, on a loopback port. */
export async function startEmbeddedEngine(options: EmbeddedOptions): Promise<EmbeddedEngine> {
  const username = 'Engine';
  const password = randomBytes(32).toString('base64url');
  const app = expressPouchDB(await constructorFor(options.storage), {
    mode: 'fullCouchDB',
    overrideMode: { exclude: ['routes/fauxton', 'routes/replicate', 'replicator', 'routes/temp-views'] },
    inMemoryConfig: true,
    logPath: devNull,
  });
  const config = (app as unknown as { couchConfig: { set(a: string, b: string, c: string, d: () => void): void } })
    .couchConfig;
  await new Promise<void>((resolve) => config.set('admins', username, password, resolve));
  const server = createServer((request, response) => {
    options.onRequest?.({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    request.headers['accept-encoding'] = 'identity';
    app(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    access: { url: `http://127.0.0.1:${port}`, username, password },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

async function constructorFor(storage: EmbeddedStorage): Promise<unknown> {
  switch (storage.kind) {
    case 'disk':
      await mkdir(storage.directory, { recursive: true });
      return PouchDB.defaults({ adapter: 'leveldb', prefix: join(storage.directory, '/') });
    case 'memory':
      return PouchDB.defaults({ adapter: 'memory', prefix: `${storage.name}/` });
  }
}
