import { formatExpiry } from './expiry-text.ts';

test.each([
  [600_000, 'Valid once, for 10 more minutes.'],
  [600_001, 'Valid once, for 11 more minutes.'],
  [60_001, 'Valid once, for 2 more minutes.'],
  [60_000, 'Valid once, for 1 more minute.'],
  [1, 'Valid once, for 1 more minute.'],
  [0, undefined],
  [-1, undefined],
])('%p ms before the expiry of a link: %p', (remainingMs, expected) => {
  expect(formatExpiry(1_000_000 + remainingMs, 1_000_000)).toBe(expected);
});
