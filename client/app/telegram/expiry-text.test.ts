import { formatExpiry } from './expiry-text.ts';

test.each([
  [600_000, 'Valid once, for 10 more minutes.'],
  [600_001, 'Valid once, for 11 more minutes.'],
  [60_001, 'Valid once, for 2 more minutes.'],
  [60_000, 'Valid once, for 1 more minute.'],
  [1, 'Valid once, for 1 more minute.'],
  [0, undefined],
  [-1, undefined],
])('a link that lives for %p ms more: %p', (left, says) => {
  expect(formatExpiry(1_000_000 + left, 1_000_000)).toBe(says);
});
