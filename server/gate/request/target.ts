/**
 * What a request's path names, of the few things that the gate knows. A path is read from the raw request line, so that
 * no framework's idea of case, trailing slashes or encoding stands between what is checked and what is meant.
 */
export type Target =
  | { readonly kind: 'welcome' }
  | { readonly kind: 'database' }
  | { readonly kind: 'changes' }
  | { readonly kind: 'bulk-get' }
  | { readonly kind: 'revs-diff' }
  | { readonly kind: 'bulk-docs' }
  | { readonly kind: 'ensure-full-commit' }
  | { readonly kind: 'checkpoint'; readonly id: string }
  | { readonly kind: 'document'; readonly id: string };

/** Where the gate is mounted and what the database is called there, e.g. `/sync` and `user_registry`. */
export interface Mount {
  readonly base: string;
  readonly database: string;
}

const ENDPOINTS: ReadonlyMap<string, Target> = new Map<string, Target>([
  ['_changes', { kind: 'changes' }],
  ['_bulk_get', { kind: 'bulk-get' }],
  ['_revs_diff', { kind: 'revs-diff' }],
  ['_bulk_docs', { kind: 'bulk-docs' }],
  ['_ensure_full_commit', { kind: 'ensure-full-commit' }],
]);

/** A checkpoint's id is a digest (PouchDB) or hexadecimal with options (CouchDB's replicator: `…+continuous`). */
const CHECKPOINT_ID = /^[A-Za-z0-9._~+=-]{1,128}$/;

/** CouchDB splits at `/` and decodes each part once; so do we, and refuse what could be split or decoded again. */
function decodeSegment(raw: string): string | undefined {
  let text: string;
  try {
    text = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  const isMisleading = text === '' || text === '.' || text === '..' || /[\p{Cc}/\\]/u.test(text);
  return isMisleading ? undefined : text;
}

/**
 * Reads the raw request target (`req.originalUrl`). Undefined is a 404: whatever is not in the table is not there.
 * CouchDB drops empty path parts and so lets `//_all_docs` through; here an empty part names nothing.
 */
export function parseTarget(rawUrl: string, mount: Mount): Target | undefined {
  const path = rawUrl.split('?', 1)[0] ?? '';
  if (path === mount.base || path === `${mount.base}/`) return { kind: 'welcome' };
  if (!path.startsWith(`${mount.base}/`)) return undefined;

  const raw = path.slice(mount.base.length + 1).split('/');
  // The database itself may carry a trailing slash, and PouchDB asks for it that way; nothing below it may.
  if (raw.length === 2 && raw[1] === '') raw.pop();
  const segments = raw.map(decodeSegment);
  const [database, first, second, ...more] = segments;
  if (database !== mount.database || more.length > 0 || segments.includes(undefined)) return undefined;
  if (first === undefined) return { kind: 'database' };
  if (second === undefined) return first.startsWith('_') ? ENDPOINTS.get(first) : { kind: 'document', id: first };
  return first === '_local' && CHECKPOINT_ID.test(second) ? { kind: 'checkpoint', id: second } : undefined;
}
