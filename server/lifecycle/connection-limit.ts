import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';

/** Returns the process's limit on open files on Linux, or `Infinity` on other systems. Each connection is one open file. */
export function readOpenFilesLimit(): number {
  try {
    return parseOpenFilesLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Parses the soft limit from `/proc/<pid>/limits` (proc(5)). */
export function parseOpenFilesLimit(limits: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** The number of open files reserved for other uses than client connections; at most half of the limit. */
const RESERVED_FILES = 256;

/**
 * Returns how many client connections to serve under a limit on open files. The server accepts somewhat more, and answers
 * those with 503. It closes any beyond that, since otherwise it could no longer connect to CouchDB.
 */
export function connectionLimits(openFiles: number): { readonly served: number; readonly accepted: number } {
  if (openFiles === Number.POSITIVE_INFINITY) return { served: openFiles, accepted: openFiles };
  const reserved = Math.min(RESERVED_FILES, Math.floor(openFiles / 2));
  return { served: openFiles - reserved, accepted: openFiles - Math.ceil(reserved / 2) };
}

/**
 * Makes the server close connections beyond `max`.
 *
 * A worker of node:cluster does not refuse a connection beyond `maxConnections`: it returns it to the primary, which offers it to the
 * next worker. When all are full, that is a busy loop of all processes (Node 20.20). So there the connection is closed here.
 */
export function limitConnections(server: Server, max: number, openConnections: () => number): void {
  if (!Number.isFinite(max)) return;
  if (!cluster.isWorker) server.maxConnections = max;
  else {
    server.prependListener('connection', (socket) => {
      if (openConnections() >= max) socket.destroy();
    });
  }
}
