import fc from 'fast-check';
import { routeLabel } from './route-label.ts';

const MOUNT = { base: '/sync', database: 'user_registry' };

test.each([
  ['/healthz', 'health'],
  ['/readyz?x', 'health'],
  ['/', 'page'],
  ['/assets/index-1234.js', 'page'],
  ['/api/auth/sign-in', 'auth sign-in'],
  ['/api/auth/sessions/abc', 'auth sessions'],
  ['/api/auth/password', 'auth unknown'],
  ['/api/users/profile', 'users profile'],
  ['/api/users/preferences?x', 'users preferences'],
  ['/api/users/preferences/theme', 'users preferences'],
  ['/api/users/preferences/stream', 'users preferences/stream'],
  ['/api/users/telegram', 'users telegram'],
  ['/api/users/telegram/77', 'users telegram'],
  ['/api/telegram', 'telegram webhook'],
  ['/api/users/bob', 'users unknown'],
  ['/sync/', 'gate welcome'],
  ['/sync/user_registry', 'gate database'],
  ['/sync/user_registry/_changes?feed=longpoll', 'gate changes'],
  ['/sync/user_registry/user_bob', 'gate document'],
  ['/sync/user_registry/_local/abc', 'gate checkpoint'],
  ['/sync/user_registry/_all_docs', 'gate unknown'],
])('the label of %s is %s', (url, kind) => {
  expect(routeLabel(url, MOUNT)).toBe(kind);
});

test('a live request to _changes has a label of its own', () => {
  expect(routeLabel('/sync/user_registry/_changes?feed=longpoll', MOUNT, true)).toBe('gate live');
  expect(routeLabel('/api/users/preferences/stream', MOUNT, true)).toBe('users preferences/stream');
});

test('every URL has a label from a small closed set', () => {
  const kinds = new Set<string>();
  const start = fc.constantFrom(
    '/',
    '/sync/',
    '/sync/user_registry/',
    '/sync/user_registry/_local/',
    '/api/auth/',
    '/api/users/',
  );
  fc.assert(
    fc.property(start, fc.string(), (base, rest) => {
      kinds.add(routeLabel(`${base}${rest}`, MOUNT));
    }),
    { numRuns: 2_000 },
  );
  for (const kind of kinds)
    expect(kind).toMatch(/^(page|health|telegram webhook|auth [a-z-]+|gate [a-z-]+|users [a-z/-]+)$/);
  expect(kinds.size).toBeLessThan(24);
});
