import { parseTarget, type Mount, type Target } from '../gate/request/target.ts';

const HEALTH_PATHS = ['/healthz', '/readyz'] as const;
const AUTH_ROUTES = ['options', 'register', 'sign-in', 'refresh', 'sign-out', 'sessions'] as const;
const USER_ROUTES = ['profile', 'preferences', 'preferences/stream', 'telegram'] as const;

/** The routes of the preference stream and of `_changes` with a live feed. Their requests last until a document changes. */
export type LiveRouteLabel = 'gate live' | 'users preferences/stream';

/** The kind of a request. It replaces the URL, which may contain another user's id or a secret in the query. */
export type RouteLabel =
  | LiveRouteLabel
  | `gate ${Target['kind'] | 'unknown'}`
  | `auth ${(typeof AUTH_ROUTES)[number] | 'unknown'}`
  | `users ${(typeof USER_ROUTES)[number] | 'unknown'}`
  | 'telegram webhook'
  | 'health'
  | 'page';

const AUTH_PREFIX = '/api/auth/';
const USERS_PREFIX = '/api/users/';

/**
 * Returns the label of a request's URL, from a closed set.
 *
 * @param isLive - Whether the request was live, which distinguishes the feed modes of `_changes`.
 */
export function routeLabel(rawUrl: string, mount: Mount, isLive = false): RouteLabel {
  const [path = ''] = rawUrl.split('?', 1);
  if (HEALTH_PATHS.some((each) => each === path)) return 'health';
  if (path === '/api/telegram') return 'telegram webhook';
  if (path.startsWith(AUTH_PREFIX)) {
    const [first] = path.slice(AUTH_PREFIX.length).split('/', 1);
    return `auth ${AUTH_ROUTES.find((each) => each === first) ?? 'unknown'}`;
  }
  if (path.startsWith(USERS_PREFIX)) {
    const rest = path.slice(USERS_PREFIX.length);
    // The name of a preference is not secret, but it would add a label value.
    const kind = USER_ROUTES.find((each) => each === rest) ?? USER_ROUTES.find((each) => rest.startsWith(`${each}/`));
    return `users ${kind ?? 'unknown'}`;
  }
  if (!path.startsWith(mount.base)) return 'page';
  const kind = parseTarget(rawUrl, mount)?.kind ?? 'unknown';
  return kind === 'changes' && isLive ? 'gate live' : `gate ${kind}`;
}
