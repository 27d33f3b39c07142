import fc from 'fast-check';
import { CommonWork, COUCHDB_WORK, workOf } from './hash-work.ts';
import type { StoredHash } from './stored-hash.ts';

const digests = fc.constantFrom('sha1', 'sha224', 'sha256', 'sha384', 'sha512');
const hashes = fc.oneof(
  fc.constant<StoredHash>({ scheme: 'simple', salt: 's', key: 'aa' }),
  fc
    .record({ digest: digests, iterations: fc.integer({ min: 1, max: 1_500_000 }) })
    .map(({ digest, iterations }): StoredHash => {
      return { scheme: 'pbkdf2', digest, iterations, keyBytes: 20, salt: 's', key: 'aa' };
    }),
);
const totalWork = (common: CommonWork, hash: StoredHash | undefined): number =>
  (hash === undefined ? 0 : workOf(hash)) + common.remainderAfter(hash);

test('once an account of the costliest kind was seen, every account and every absent name costs the same', () => {
  fc.assert(
    fc.property(fc.array(hashes, { minLength: 1 }), (all) => {
      const common = new CommonWork(COUCHDB_WORK);
      for (const each of all) common.learn(each);
      const work = Math.max(COUCHDB_WORK, ...all.map(workOf));
      for (const each of [...all, undefined]) expect(totalWork(common, each)).toBe(work);
    }),
  );
});

test('an account with an extreme number of iterations makes others cost a bounded amount', () => {
  const common = new CommonWork(COUCHDB_WORK);
  const extreme = {
    scheme: 'pbkdf2',
    digest: 'sha512',
    iterations: 10_000_000,
    keyBytes: 64,
    salt: 's',
    key: '',
  } as const;
  common.learn(extreme);
  expect(totalWork(common, undefined)).toBe(2_000_000);
  expect(common.remainderAfter(extreme)).toBe(0);
});
