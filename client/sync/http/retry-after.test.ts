import fc from 'fast-check';
import { parseRetryAfter } from './retry-after.ts';

const NOW = Date.UTC(2026, 10, 22, 9, 30, 0);

test.each([
  ['120', 120_000],
  ['0', 0],
  [' 7 ', 7_000],
  ['Sun, 22 Nov 2026 09:30:45 GMT', 45_000],
  ['Sun, 22 Nov 2026 09:29:00 GMT', 0],
  ['Mon, 23 Nov 2026 09:30:00 GMT', 300_000],
  ['86400', 300_000],
  ['-5', 0],
  ['soon', 0],
  ['', 0],
  [null, 0],
])('parses %j as %i ms', (value, ms) => {
  expect(parseRetryAfter(value, NOW)).toBe(ms);
});

test('any header value is parsed as 0 to 300,000 ms', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.double().map(String), fc.date({ noInvalidDate: true }).map(String)),
      (value) => {
        const ms = parseRetryAfter(value, NOW);
        expect(ms >= 0 && ms <= 300_000).toBe(true);
      },
    ),
  );
});
