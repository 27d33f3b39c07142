import { parseTarget, type Mount, type Target } from '../gate/request/target.ts';

const HEALTH = ['/healthz', '/readyz'] as const;
const SIGN_IN = ['options', 'register', 'sign-in', 'refresh', 'sign-out', 'sessions'] as const;

const PREFERENCES = ['profile', 'preferences', 'preferences/stream', 'telegram'] as const;

/** What was asked for, in place of its URL, which may hold another's id, or a secret that somebody put into the query. */
export type RouteKind =
  | `gate ${Target['kind'] | 'unknown'}`
  | `auth ${(typeof SIGN_IN)[number] | 'unknown'}`
  | `users ${(typeof PREFERENCES)[number] | 'unknown'}`
  | 'telegram webhook'
  | 'health'
  | 'page';

const AUTH = '/api/auth/';
const USERS = '/api/users/';

export function routeKind(rawUrl: string, mount: Mount): RouteKind {
  const [path = ''] = rawUrl.split('?', 1);
  if (HEALTH.some((each) => each === path)) return 'health';
  if (path === '/api/telegram') return 'telegram webhook';
  if (path.startsWith(AUTH)) {
    const [first] = path.slice(AUTH.length).split('/', 1);
    return `auth ${SIGN_IN.find((each) => each === first) ?? 'unknown'}`;
  }
  if (path.startsWith(USERS)) {
    const rest = path.slice(USERS.length);
    // The name of one preference is nobody's, but it would be a label of its own.
    const kind = PREFERENCES.find((each) => each === rest) ?? PREFERENCES.find((each) => rest.startsWith(`${each}/`));
    return `users ${kind ?? 'unknown'}`;
  }
  if (!path.startsWith(mount.base)) return 'page';
  return `gate ${parseTarget(rawUrl, mount)?.kind ?? 'unknown'}`;
}
