import { readFileSync } from 'node:fs';

/** The process's limit on open files, as Linux tells it; no limit where nobody tells. Each connection is one. */
export function readOpenFilesLimit(): number {
  try {
    return parseOpenFilesLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Reads the soft limit out of `/proc/<pid>/limits` (proc(5)). */
export function parseOpenFilesLimit(limits: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Of the files that the process may open, these are for what is not a client's connection; at most half of them all. */
const RESERVED_FILES = 256;

/**
 * How many clients' connections are served with so many open files. Some more are accepted, to be refused in words; beyond
 * those they are closed, or CouchDB could not be reached any more.
 */
export function connectionLimits(openFiles: number): { readonly served: number; readonly accepted: number } {
  if (openFiles === Number.POSITIVE_INFINITY) return { served: openFiles, accepted: openFiles };
  const reserved = Math.min(RESERVED_FILES, Math.floor(openFiles / 2));
  return { served: openFiles - reserved, accepted: openFiles - Math.ceil(reserved / 2) };
}
