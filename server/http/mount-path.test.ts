import { mountPathOf } from './mount-path.ts';

test.each([
  ['/prefs/sync/user_registry?x=/', '/prefs/sync', '/user_registry?x=/', '/prefs/sync'],
  ['/prefs/sync/user_registry', '/sync', '/user_registry', '/prefs/sync'],
  ['/prefs/sync', '/prefs/sync', '/', '/prefs/sync'],
  ['/prefs/sync?x', '/prefs/sync', '/?x', '/prefs/sync'],
  ['/prefs/sync/', '/prefs/sync', '/', '/prefs/sync'],
  ['/sync/a', '/sync', '/a', '/sync'],
  ['http://example.org/prefs/sync/a', '/prefs/sync', '/a', '/prefs/sync'],
])('the router of %s with the base URL %s and the URL %s is mounted at %s', (originalUrl, baseUrl, url, expected) => {
  expect(mountPathOf({ originalUrl, baseUrl, url })).toBe(expected);
});
