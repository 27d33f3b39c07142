import fc from 'fast-check';
import { agreeingInterval, offsetIntervalOf, type OffsetInterval } from './offset-interval.ts';

/** Years in both directions. */
const anyOffset = fc.integer({ min: -20 * 365 * 86_400_000, max: 20 * 365 * 86_400_000 });
const anyTime = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2030, 0) });
const anyDelay = fc.nat(30_000);

interface Exchange {
  readonly sentAt: number;
  readonly requestMs: number;
  readonly responseMs: number;
}
const anyExchange: fc.Arbitrary<Exchange> = fc.record({ sentAt: anyTime, requestMs: anyDelay, responseMs: anyDelay });

/** What a request shows to a client whose clock is `offset` behind that of the server. */
function observe({ sentAt, requestMs, responseMs }: Exchange, offset: number): OffsetInterval {
  const date = new Date(sentAt + requestMs + offset).toUTCString();
  const interval = offsetIntervalOf({ date, sentAt, receivedAt: sentAt + requestMs + responseMs });
  if (interval === undefined) throw new Error(`${date} is not a date.`);
  return interval;
}

const contains = ({ min, max }: OffsetInterval, offset: number): boolean => min <= offset && offset <= max;

test('the interval contains the offset, whatever the delays, and is no wider than they and the resolution', () => {
  fc.assert(
    fc.property(anyExchange, anyOffset, (exchange, offset) => {
      const interval = observe(exchange, offset);
      expect(contains(interval, offset)).toBe(true);
      expect(interval.max - interval.min).toBe(exchange.requestMs + exchange.responseMs + 1_000);
    }),
  );
});

test('responses of one clock agree on an interval that contains the offset, and is as narrow as the narrowest', () => {
  fc.assert(
    fc.property(fc.array(anyExchange, { minLength: 1, maxLength: 15 }), anyOffset, (exchanges, offset) => {
      const intervals = exchanges.map((exchange) => observe(exchange, offset));
      const agreed = agreeingInterval(intervals);
      expect(agreed).toEqual({
        min: Math.max(...intervals.map(({ min }) => min)),
        max: Math.min(...intervals.map(({ max }) => max)),
      });
      expect(agreed !== undefined && contains(agreed, offset)).toBe(true);
    }),
  );
});

test('a minority of wrong dates never moves the estimate out of what a right one shows', () => {
  const anyCase = fc.record({
    right: fc.array(anyExchange, { minLength: 2, maxLength: 8 }),
    wrong: fc.array(fc.record({ exchange: anyExchange, offset: anyOffset }), { maxLength: 8 }),
    order: fc.array(fc.nat(), { minLength: 16, maxLength: 16 }),
  });
  fc.assert(
    fc.property(anyCase, anyOffset, ({ right, wrong, order }, offset) => {
      const rightIntervals = right.map((exchange) => observe(exchange, offset));
      const minority = wrong.slice(0, right.length - 1).map((each) => observe(each.exchange, each.offset));
      const all = [...rightIntervals, ...minority].map((interval, index) => ({ interval, key: order[index] ?? 0 }));
      const shuffled = all.sort((a, b) => a.key - b.key).map(({ interval }) => interval);
      const agreed = agreeingInterval(shuffled);
      expect(rightIntervals.some(({ min, max }) => agreed && min <= agreed.min && agreed.max <= max)).toBe(true);
    }),
  );
});

test('of two responses that contradict each other the newer one counts', () => {
  const [older, newer] = [
    { min: 0, max: 1_000 },
    { min: 60_000, max: 61_000 },
  ];
  expect(agreeingInterval([newer, older])).toEqual(newer);
  expect(agreeingInterval([older, newer])).toEqual(older);
  expect(agreeingInterval([])).toBeUndefined();
});

test.each([undefined, '', 'yesterday', 'Sun, 99 Nov 2026 00:00:00 GMT'])('the date %p shows nothing', (date) => {
  expect(offsetIntervalOf({ date, sentAt: 0, receivedAt: 1 })).toBeUndefined();
});
