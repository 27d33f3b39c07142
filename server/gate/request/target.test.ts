import fc from 'fast-check';
import { namesOtherDatabase, parseTarget } from './target.ts';

const mount = { base: '/sync', database: 'user_registry' };
const target = (url: string) => parseTarget(url, mount);

describe('a path names a known target or none', () => {
  it.each([
    ['/sync', { kind: 'welcome' }],
    ['/sync/', { kind: 'welcome' }],
    ['/sync/user_registry', { kind: 'database' }],
    ['/sync/user_registry/', { kind: 'database' }],
    ['/sync/user_registry/?a=/b', { kind: 'database' }],
    ['/sync/user_registry/_changes?feed=longpoll', { kind: 'changes' }],
    ['/sync/user_registry/%5Fchanges', { kind: 'changes' }],
    ['/sync/user_registry/_local/Hx.q_y==', { kind: 'checkpoint', id: 'Hx.q_y==' }],
    ['/sync/user_registry/_local/abc%2Bcontinuous', { kind: 'checkpoint', id: 'abc+continuous' }],
    ['/sync/user_registry/user_a%40b', { kind: 'document', id: 'user_a@b' }],
    ['/sync/user_registry/%255Fchanges', { kind: 'document', id: '%5Fchanges' }],
    ['/sync/user_registry/user_alice', { kind: 'document', id: 'user_alice' }],
  ])('%s', (url, expected) => {
    expect(target(url)).toEqual(expected);
  });

  it.each([
    '/SYNC/user_registry',
    '/sync/User_registry',
    '/sync/user_registry/_all_docs',
    '/sync/user_registry/%5Fall_docs',
    '/sync/user_registry//_changes',
    '/sync//user_registry/_changes',
    '//sync/user_registry/_changes',
    '/sync/user_registry/_changes/',
    '/sync/user_registry/_Changes',
    '/sync/user_registry/_changes;x',
    '/sync/user_registry/_changes%00',
    '/sync/user_registry/./_changes',
    '/sync/user_registry/../user_registry/_changes',
    '/sync/user_registry/%2e%2e/_users',
    '/sync/user_registry/..%2f_users',
    '/sync/user_registry/_local%2Fx',
    '/sync/user_registry/_local/a%2Fb',
    '/sync/user_registry/_local/',
    '/sync/user_registry/_design/registry',
    '/sync/user_registry/_design%2Fregistry',
    '/sync/user_registry/user_alice/attachment',
    '/sync/user_registry/user_alice/',
    '/sync/user_registry/%',
    '/sync/user_registry/%ff',
    '/sync/_users',
    '/sync/_session',
    'http://127.0.0.1/sync/user_registry/_changes',
    '*',
    '',
  ])('none: %s', (url) => {
    expect(target(url)).toBeUndefined();
  });

  it('for any text, a target’s id is its segment decoded exactly once', () => {
    const part = fc.oneof(
      fc.constantFrom('', '.', '..', '_changes', '_local', '%5Flocal', '%2F', '%252F', 'user_bob', '%00'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
        const found = target(`/sync/user_registry/${parts.join('/')}`);
        if (found?.kind === 'document')
          expect([found.id]).toEqual(parts.join('/').split('?')[0]?.split('/').map(decodeURIComponent));
        if (found?.kind === 'document' || found?.kind === 'checkpoint') expect(found.id).not.toMatch(/[/\\\p{Cc}]/u);
        if (found?.kind === 'document') expect(found.id.startsWith('_')).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

test.each([
  ['/sync/registry', true],
  ['/sync/registry/_changes?feed=longpoll', true],
  ['/sync/User_registry/', true],
  ['/sync/user_registry/_all_docs', false],
  ['/sync/user%5Fregistry/_all_docs', false],
  ['/sync/_users', false],
  ['/sync/%5Fusers/_changes', false],
  ['/sync//user_registry', false],
  ['/sync/..%2fother', false],
  ['/sync/', false],
  ['/sync', false],
  ['/synch/registry', false],
])('%s names another database: %p', (url, expected) => {
  expect(namesOtherDatabase(url, mount)).toBe(expected);
});
