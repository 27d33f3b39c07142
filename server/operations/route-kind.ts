import { parseTarget, type Mount, type Target } from '../gate/path.ts';

const HEALTH = ['/healthz', '/readyz'] as const;
const SIGN_IN = ['options', 'register', 'sign-in', 'refresh', 'sign-out', 'sessions'] as const;

/** What was asked for, in place of its URL, which may hold another's id, or a secret that somebody put into the query. */
export type RouteKind =
  `gate ${Target['kind'] | 'unknown'}` | `auth ${(typeof SIGN_IN)[number] | 'unknown'}` | 'health' | 'page';

const AUTH = '/api/auth/';

export function routeKind(rawUrl: string, mount: Mount): RouteKind {
  const [path = ''] = rawUrl.split('?', 1);
  if (HEALTH.some((each) => each === path)) return 'health';
  if (path.startsWith(AUTH)) {
    const [first] = path.slice(AUTH.length).split('/', 1);
    return `auth ${SIGN_IN.find((each) => each === first) ?? 'unknown'}`;
  }
  if (!path.startsWith(mount.base)) return 'page';
  return `gate ${parseTarget(rawUrl, mount)?.kind ?? 'unknown'}`;
}
