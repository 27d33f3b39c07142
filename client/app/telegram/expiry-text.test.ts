import { formatExpiry } from './expiry-text.ts';

test.each([
  [600_000, 'Good once, for 10 minutes more.'],
  [600_001, 'Good once, for 11 minutes more.'],
  [60_001, 'Good once, for 2 minutes more.'],
  [60_000, 'Good once, for a minute more.'],
  [1, 'Good once, for a minute more.'],
  [0, undefined],
  [-1, undefined],
])('a link that lives for %p ms more: %p', (left, says) => {
  expect(formatExpiry(1_000_000 + left, 1_000_000)).toBe(says);
});
