import { parseTarget } from './target.ts';

describe('the address', () => {
  test.each([
    ['http://127.0.0.1:4000', { base: '/sync', database: 'user_registry', api: '/api', port: 4000, isSecure: false }],
    ['https://localhost/', { base: '/sync', database: 'user_registry', api: '/api', port: 443, isSecure: true }],
    ['http://[::1]:4000/prefs/sync/own/', { base: '/prefs/sync', database: 'own', api: '/prefs/api', hostname: '::1' }],
    ['http://app.localhost/registry', { base: '', database: 'registry', api: '/api', port: 80 }],
    ['http://127.8.8.8/a/b', { base: '/a', database: 'b', api: '/api', host: '127.8.8.8' }],
  ])('%s is parsed', (text, expected) => {
    expect(parseTarget(text, false)).toMatchObject(expected);
  });

  test.each([
    'https://example.org',
    'http://192.168.0.7:4000',
    'http://localhost.example.org',
    'http://127.0.0.1.example.org',
    'http://0.0.0.0:4000',
    'http://[::ffff:7f00:1]:4000',
  ])('%s requires a confirmation', (text) => {
    expect(() => parseTarget(text, false)).toThrow(/not this machine.*--i-operate-this-server/);
    expect(parseTarget(text, true).origin).toBe(new URL(text).origin);
  });

  test.each(['', 'localhost:4000', 'ftp://localhost', '/sync'])('%j is not a URL', (text) => {
    expect(() => parseTarget(text, true)).toThrow('not a URL such as http://127.0.0.1:4000');
  });

  test.each(['http://a:hunter2@localhost', 'http://localhost?token=hunter2', 'http://localhost/#hunter2'])(
    'a URL with credentials, a query or a fragment is refused, and not repeated',
    (text) => {
      expect(() => parseTarget(text, true)).toThrow(/^(?!.*hunter2).*credentials, a query or a fragment/);
    },
  );
});
