import fc from 'fast-check';
import { stateToken, generationOfToken } from './state-token.ts';
import { NO_DOCUMENT } from './leaf-state.ts';

const hex = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const leaf = fc.tuple(fc.integer({ min: 1, max: 1e9 }), hex).map(([generation, id]) => `${generation}-${id}`);
const leaves = fc.uniqueArray(leaf, { minLength: 1, maxLength: 8 });

it('is the same for the same leaves in any order', () => {
  fc.assert(
    fc.property(leaves, fc.boolean(), (some, deleted) => {
      expect(stateToken({ leaves: [...some].reverse(), deleted })).toBe(stateToken({ leaves: some, deleted }));
    }),
  );
});

it('differs for other leaves, and for a deleted document', () => {
  fc.assert(
    fc.property(leaves, leaf, (some, other) => {
      fc.pre(!some.includes(other));
      const token = stateToken({ leaves: some, deleted: false });
      expect(stateToken({ leaves: [...some, other], deleted: false })).not.toBe(token);
      expect(stateToken({ leaves: some, deleted: true })).not.toBe(token);
    }),
  );
});

it('contains the highest generation, and any other text counts as generation 0', () => {
  fc.assert(
    fc.property(leaves, fc.string(), (some, text) => {
      const highest = Math.max(...some.map((rev) => Number.parseInt(rev, 10)));
      expect(generationOfToken(stateToken({ leaves: some, deleted: false }))).toBe(highest);
      expect(generationOfToken(`x${text}`)).toBe(0);
    }),
  );
  expect(stateToken(NO_DOCUMENT)).toBe('0');
  expect(generationOfToken('99-ffff')).toBe(0);
});
