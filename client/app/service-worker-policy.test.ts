import { ROUTES } from './routes.ts';
import { chooseResponseSource } from './service-worker-policy.ts';

const ORIGIN = 'https://example.org';
const precached = {
  origin: ORIGIN,
  pages: new Set<string>(ROUTES.map(({ path }) => path)),
  files: new Set(['/', '/assets/page-abc.js', '/theme.js']),
};
const sourceFor = (path: string, method = 'GET', mode = 'cors') =>
  chooseResponseSource({ method, url: new URL(path, ORIGIN), mode }, precached);

test('serves every URL of the page and its files from the cache', () => {
  for (const { path } of ROUTES) expect(sourceFor(path, 'GET', 'navigate')).toBe('page');
  expect(sourceFor('/devices?from=home', 'GET', 'navigate')).toBe('page');
  expect(sourceFor('/assets/page-abc.js')).toBe('file');
  expect(sourceFor('/theme.js')).toBe('file');
});

test.each([
  ['/api/auth/refresh', 'POST', 'cors'],
  ['/api/auth/sessions', 'GET', 'cors'],
  ['/api/auth/sessions', 'GET', 'navigate'],
  ['/sync/user_registry/user_alice', 'GET', 'cors'],
  ['/sync/user_registry/', 'GET', 'navigate'],
  ['/sync/user_registry/_changes?feed=longpoll', 'GET', 'cors'],
  ['/assets/page-abc.js?v=2', 'GET', 'cors'],
  ['/assets/other.js', 'GET', 'cors'],
  ['/', 'POST', 'navigate'],
  ['/devices', 'GET', 'cors'],
  ['/devices/', 'GET', 'navigate'],
  ['/no-page-of-ours', 'GET', 'navigate'],
  ['https://elsewhere.example/', 'GET', 'navigate'],
  ['https://elsewhere.example/theme.js', 'GET', 'no-cors'],
])('%s, %s, %s: is not intercepted', (path, method, mode) => {
  expect(sourceFor(path, method, mode)).toBe('untouched');
});
