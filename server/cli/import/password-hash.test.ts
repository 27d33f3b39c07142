import { supportsAllHashFunctions, toImportedSecret } from './password-hash.ts';

const KEY = 'ab'.repeat(32);
const HASH = { password_scheme: 'pbkdf2', pbkdf2_prf: 'sha256', derived_key: KEY, salt: 'salt', iterations: 10 };

test('accepts the hashes that CouchDB checks, and copies nothing else of an account', () => {
  expect(toImportedSecret(undefined, { ...HASH, roles: ['_admin'], name: 'eve' }, true)).toEqual({ secret: HASH });
  // CouchDB takes an account without a function for one with SHA-1.
  const old = { password_scheme: 'pbkdf2', derived_key: 'ab'.repeat(20), salt: 'salt', iterations: 10 };
  expect(toImportedSecret(undefined, old, false)).toEqual({ secret: { ...old, pbkdf2_prf: 'sha' } });
  expect(toImportedSecret('correct horse', HASH, true)).toEqual({ secret: { password: 'correct horse' } });
  expect(toImportedSecret(undefined, undefined, true)).toEqual({ secret: undefined });
});

test.each([
  ['$2b$12$abcdefghijklmnopqrstuv', 'is bcrypt'],
  [{ password_hash: '$argon2id$v=19$m=65536' }, 'is Argon2'],
  ['pbkdf2_sha256$260000$salt$a2V5', 'PBKDF2 in a format other'],
  ['d41d8cd98f00b204e9800998ecf8427e', 'unknown scheme'],
  [42, 'unknown scheme'],
  [{ ...HASH, password_scheme: 'simple' }, 'scheme "simple"'],
  [{ ...HASH, pbkdf2_prf: 'md5' }, 'hash function'],
  [{ ...HASH, pbkdf2_prf: 'constructor' }, 'hash function'],
  [{ ...HASH, derived_key: `${KEY}00` }, '64 hex digits'],
  [{ ...HASH, salt: '' }, 'no salt'],
  [{ ...HASH, iterations: 1e9 }, 'integer of 1 to 10000000'],
  [{ ...HASH, iterations: '10' }, 'integer of 1 to 10000000'],
])('reports why %j cannot be imported, without repeating it', (account, excerpt) => {
  const { secret, problem = '' } = toImportedSecret(undefined, account, true);
  expect(secret).toBeUndefined();
  expect(problem).toContain(excerpt);
  expect(problem).not.toMatch(/abcdefgh|d41d8|abab|a2V5/);
});

test('before version 3.4 CouchDB takes every hash for one by SHA-1', () => {
  expect(toImportedSecret(undefined, HASH, false).problem).toContain('from version 3.4 on');
  expect(['3.3.3', '3.4.0', '3.5.1', '4.0.0'].map(supportsAllHashFunctions)).toEqual([false, true, true, true]);
});
