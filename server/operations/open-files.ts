import { readFileSync } from 'node:fs';

/** The process's limit on open files, as Linux tells it; no limit where nobody tells. Each connection is one. */
export function openFilesLimit(): number {
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
