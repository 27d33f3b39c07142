/**
 * The resource that a request's path names. The path is parsed from the raw request line, so that no framework's handling
 * of case, trailing slashes or encoding separates the checked path from the one used.
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

/** The gate's mount path and its database's public name, for example `/sync` and `user_registry`. */
export interface Mount {
  readonly base: string;
  readonly database: string;
}

/** A mount of a router. Without `base`, its path is the one at which the application mounts the router. */
export type RouterMount = Pick<Mount, 'database'> & { readonly base: string | undefined };

const ENDPOINTS: ReadonlyMap<string, Target> = new Map<string, Target>([
  ['_changes', { kind: 'changes' }],
  ['_bulk_get', { kind: 'bulk-get' }],
  ['_revs_diff', { kind: 'revs-diff' }],
  ['_bulk_docs', { kind: 'bulk-docs' }],
  ['_ensure_full_commit', { kind: 'ensure-full-commit' }],
]);

/** A checkpoint id is a digest (PouchDB), or hexadecimal with options (CouchDB's replicator: `…+continuous`). */
const CHECKPOINT_ID = /^[A-Za-z0-9._~+=-]{1,128}$/;

/** CouchDB splits at `/` and decodes each segment once. This does the same, and rejects what could be split again. */
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
 * Whether the path below the mount is one of another database. The client's own URL contains the name, so a specific error
 * reveals nothing. Names that begin with an underscore are CouchDB's own endpoints.
 */
export function namesOtherDatabase(rawUrl: string, mount: Mount): boolean {
  const path = rawUrl.split('?', 1)[0] ?? '';
  if (!path.startsWith(`${mount.base}/`)) return false;
  const name = decodeSegment(path.slice(mount.base.length + 1).split('/', 1)[0] ?? '');
  return name !== undefined && name !== mount.database && !name.startsWith('_');
}

/**
 * Parses the raw request target (`req.originalUrl`). Returns undefined for a 404: every unknown path. CouchDB drops empty
 * path segments and so accepts `//_all_docs`; here a path with an empty segment is unknown.
 */
export function parseTarget(rawUrl: string, mount: Mount): Target | undefined {
  const path = rawUrl.split('?', 1)[0] ?? '';
  if (path === mount.base || path === `${mount.base}/`) return { kind: 'welcome' };
  if (!path.startsWith(`${mount.base}/`)) return undefined;

  const raw = path.slice(mount.base.length + 1).split('/');
  // Only the database itself may have a trailing slash, which PouchDB sends.
  if (raw.length === 2 && raw[1] === '') raw.pop();
  const segments = raw.map(decodeSegment);
  const [database, first, second, ...rest] = segments;
  if (database !== mount.database || rest.length > 0 || segments.includes(undefined)) return undefined;
  if (first === undefined) return { kind: 'database' };
  if (second === undefined) return first.startsWith('_') ? ENDPOINTS.get(first) : { kind: 'document', id: first };
  return first === '_local' && CHECKPOINT_ID.test(second) ? { kind: 'checkpoint', id: second } : undefined;
}
