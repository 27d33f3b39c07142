import { answerFrom } from './service-worker-policy.ts';

const ORIGIN = 'https://example.org';
const kept = new Set(['/', '/assets/page-abc.js', '/theme.js']);
const answer = (path: string, method = 'GET', mode = 'cors') =>
  answerFrom({ method, url: new URL(path, ORIGIN), mode }, ORIGIN, kept);

test('the page comes from the network first, its files from what is kept', () => {
  expect(answer('/', 'GET', 'navigate')).toBe('page');
  expect(answer('/?from=home', 'GET', 'navigate')).toBe('page');
  expect(answer('/assets/page-abc.js')).toBe('kept');
  expect(answer('/theme.js')).toBe('kept');
});

test.each([
  ['/api/auth/refresh', 'POST', 'cors'],
  ['/api/auth/sessions', 'GET', 'cors'],
  ['/api/auth/sessions', 'GET', 'navigate'],
  ['/sync/user_registry/user_alice', 'GET', 'cors'],
  ['/sync/user_registry/', 'GET', 'navigate'],
  ['/sync/user_registry/_changes?feed=longpoll', 'POST', 'cors'],
  ['/assets/page-abc.js?v=2', 'GET', 'cors'],
  ['/assets/other.js', 'GET', 'cors'],
  ['/', 'POST', 'navigate'],
  ['https://elsewhere.example/', 'GET', 'navigate'],
  ['https://elsewhere.example/theme.js', 'GET', 'no-cors'],
])('%s, %s, %s: is left alone', (path, method, mode) => {
  expect(answer(path, method, mode)).toBe('untouched');
});
