import { pbkdf2Sync } from 'node:crypto';
import { checkPassword } from './check-password.ts';
import { CommonWork } from './hash-work.ts';
import { readStoredHash, simpleHash } from './stored-hash.ts';

const PASSWORD = 'correct horse';
const SALT = '0123456789abcdef';
const common = new CommonWork(1_000);

const leaf = (members: object, rev = '1-a') => ({
  _id: 'org.couchdb.user:alice',
  _rev: rev,
  type: 'user',
  name: 'alice',
  roles: [],
  ...members,
});
const pbkdf2 = (digest: string, keyBytes: number, members: object = {}) => ({
  ...leaf({}),
  password_scheme: 'pbkdf2',
  salt: SALT,
  iterations: 10,
  derived_key: pbkdf2Sync(PASSWORD, SALT, 10, keyBytes, digest).toString('hex'),
  ...members,
});
const accepts = (leaves: Parameters<typeof readStoredHash>[1], password = PASSWORD): Promise<boolean> =>
  checkPassword(readStoredHash('alice', leaves), password, common);

test.each([
  ['SHA-1 of CouchDB before 3.4', pbkdf2('sha1', 20)],
  ['SHA-1', pbkdf2('sha1', 20, { pbkdf2_prf: 'sha' })],
  ['SHA-224', pbkdf2('sha224', 28, { pbkdf2_prf: 'sha224' })],
  ['SHA-256', pbkdf2('sha256', 32, { pbkdf2_prf: 'sha256' })],
  ['SHA-384', pbkdf2('sha384', 48, { pbkdf2_prf: 'sha384' })],
  ['SHA-512', pbkdf2('sha512', 64, { pbkdf2_prf: 'sha512' })],
  ['the scheme simple', leaf({ salt: SALT, password_sha: simpleHash(PASSWORD, SALT) })],
])('an account with a hash by %s signs in with its password only', async (_scheme, account) => {
  expect(await accepts([account])).toBe(true);
  expect(await accepts([account], `${PASSWORD}x`)).toBe(false);
  expect(await accepts([account], '')).toBe(false);
});

const good = pbkdf2('sha256', 32, { pbkdf2_prf: 'sha256' });

test.each([
  ['no account', []],
  ['a removed account', [{ ...good, _deleted: true }]],
  ['an account without a password', [leaf({})]],
  ['an account with two branches, which may be two people’s', [good, { ...good, _rev: '1-b' }]],
  ['an account with a second factor', [{ ...good, totp: { key: 'x' } }]],
  ['an account of another name', [{ ...good, name: 'bob' }]],
  ['another type of document', [{ ...good, type: 'member' }]],
  ['an unknown hash function', [{ ...good, pbkdf2_prf: 'md5' }]],
  ['an unknown scheme', [{ ...good, password_scheme: 'argon2' }]],
  ['no salt', [{ ...good, salt: '' }]],
  ['too many iterations', [{ ...good, iterations: 10_000_001 }]],
  ['a key of another length', [{ ...good, derived_key: good.derived_key.slice(0, 40) }]],
])('nobody signs in with %s', async (_what, leaves) => {
  expect(await accepts(leaves)).toBe(false);
});

test('a removed branch beside the account does not matter', async () => {
  expect(await accepts([{ ...good, _rev: '2-b', _deleted: true }, good])).toBe(true);
});
