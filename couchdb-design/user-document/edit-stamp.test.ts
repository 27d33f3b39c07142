import fc from 'fast-check';
import { anyDevice, anyStamp, anyTime } from '../testing/arbitraries.ts';
import {
  isEditStamp,
  latestEditStamp,
  newDeviceId,
  MAX_CLOCK_TIME,
  nextEditStamp,
  parseDeviceId,
  parseEditStamp,
  stampTime,
} from './edit-stamp.ts';

const T0 = Date.UTC(2026, 10, 22, 9, 30, 1, 123);
const stampAt = (now: number, seen?: string): string => nextEditStamp({ now, device: 'w7f3a', seen });

test('a stamp consists of its time, counter and device', () => {
  expect(stampAt(T0)).toBe('2026-11-22T09:30:01.123Z-0000-w7f3a');
  expect(parseEditStamp('2026-11-22T09:30:01.123Z-00ff-w7f3a')).toEqual({ time: T0, counter: 255, device: 'w7f3a' });
});

test('every created stamp is valid and has the same width', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), anyDevice, fc.option(anyStamp), (now, device, seen) => {
      const stamp = nextEditStamp({ now, device, seen: seen ?? undefined });
      expect(stamp).toHaveLength(35);
      expect(isEditStamp(stamp)).toBe(true);
    }),
  );
});

test('string order is the order of time and counter', () => {
  const parts = fc.record({ time: anyTime, counter: fc.integer({ min: 0, max: 0xffff }), device: anyDevice });
  const text = ({ time, counter, device }: { time: number; counter: number; device: string }): string =>
    `${new Date(time).toISOString()}-${counter.toString(16).padStart(4, '0')}-${device}`;
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      expect(parseEditStamp(text(a))).toEqual(a);
      if (a.time !== b.time) expect(text(a) < text(b)).toBe(a.time < b.time);
      else if (a.counter !== b.counter) expect(text(a) < text(b)).toBe(a.counter < b.counter);
    }),
  );
});

test('with a clock that jumps in any direction, each stamp exceeds all that were seen', () => {
  const step = fc.record({ now: anyTime, device: anyDevice, received: fc.option(anyStamp) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      let seen: string | undefined;
      for (const { now, device, received } of steps) {
        seen = latestEditStamp([seen, received].filter((stamp) => typeof stamp === 'string'));
        const stamp = nextEditStamp({ now, device, seen });
        if (seen !== undefined) expect(stamp > seen).toBe(true);
        expect(stampTime(stamp)).toBeGreaterThanOrEqual(Math.min(now, MAX_CLOCK_TIME - 1));
        seen = stamp;
      }
    }),
  );
});

test('the counter increments for edits within one millisecond', () => {
  expect(stampAt(T0, stampAt(T0))).toBe('2026-11-22T09:30:01.123Z-0001-w7f3a');
});

test('the time advances by a millisecond when the counter overflows', () => {
  expect(stampAt(T0, '2026-11-22T09:30:01.123Z-ffff-zzzzz')).toBe('2026-11-22T09:30:01.124Z-0000-w7f3a');
});

test('a stamp has the current time when the clock is past all that were seen', () => {
  expect(stampAt(T0, '2026-11-22T09:30:01.122Z-ffff-zzzzz')).toBe('2026-11-22T09:30:01.123Z-0000-w7f3a');
});

test('every stamp that a document may have can be exceeded, whatever the clock', () => {
  const anySeen = fc.record({ time: anyTime, counter: fc.constantFrom(0, 0xffff), device: anyDevice });
  fc.assert(
    fc.property(anySeen, fc.double({ noNaN: true }), ({ time, counter, device }, now) => {
      const seen = `${new Date(time).toISOString()}-${counter.toString(16).padStart(4, '0')}-${device}`;
      // The last millisecond is 365 days before the end of the format.
      fc.pre(seen < '9998-12-31T23:59:59.999Z-ffff');
      expect(stampAt(now, seen) > seen).toBe(true);
    }),
  );
});

test('a clock beyond the year 9000 counts as that year, so that its edits can be exceeded', () => {
  for (const now of [MAX_CLOCK_TIME, 253_402_300_800_000, Infinity]) {
    expect(stampAt(now)).toBe('8999-12-31T23:59:59.999Z-0000-w7f3a');
    expect(stampAt(now, '8999-12-31T23:59:59.999Z-0000-zzzzz')).toBe('8999-12-31T23:59:59.999Z-0001-w7f3a');
    expect(stampAt(now, '9500-01-01T00:00:00.000Z-0000-zzzzz')).toBe('9500-01-01T00:00:00.000Z-0001-w7f3a');
  }
});

test('a clock before 1970 yields the smallest stamp', () => {
  for (const now of [-1, -62_167_219_200_001, -Infinity]) {
    expect(stampAt(now)).toBe('1969-12-31T23:59:59.999Z-0001-w7f3a');
  }
});

test('throws a RangeError on invalid input', () => {
  expect(() => stampAt(NaN)).toThrow(RangeError);
  expect(() => stampAt(T0, 'yesterday')).toThrow(RangeError);
  expect(() => nextEditStamp({ now: T0, device: 'W7F3A', seen: undefined })).toThrow(RangeError);
});

test.each([
  '',
  'yesterday',
  '2026-11-22T09:30:01.123Z',
  '2026-11-22T09:30:01.123Z-0000',
  '2026-11-22T09:30:01.123Z-0000-w7f3',
  '2026-11-22T09:30:01.123Z-0000-w7f3a\n',
  ' 2026-11-22T09:30:01.123Z-0000-w7f3a',
  '2026-11-22T09:30:01.123Z-000G-w7f3a',
  '2026-11-22T09:30:01.123Z-00FF-w7f3a',
  '2026-11-22T09:30:01.123Z-0000-W7F3A',
  '2026-13-22T09:30:01.123Z-0000-w7f3a',
  '2026-02-30T09:30:01.123Z-0000-w7f3a',
  '2026-11-22T24:00:00.000Z-0000-w7f3a',
  '2026-11-22T09:30:01.123+-0000-w7f3a',
  '+12026-11-22T09:30:01.123Z-0000-w7f3a',
  '9999-01-01T00:00:00.000Z-0000-00000',
  '9999-12-31T23:59:59.999Z-ffff-zzzzz',
])('%j is not a stamp', (text) => {
  expect(isEditStamp(text)).toBe(false);
  expect(() => stampTime(text)).toThrow(RangeError);
});

test('isEditStamp never throws', () => {
  fc.assert(fc.property(fc.anything(), (value) => typeof isEditStamp(value) === 'boolean'));
});

test('the latest stamp is the greatest; undefined without stamps; malformed ones are ignored', () => {
  fc.assert(
    fc.property(fc.array(anyStamp), (stamps) => {
      expect(latestEditStamp(stamps)).toBe([...stamps].sort().at(-1));
      expect(latestEditStamp([...stamps, 'zzz'])).toBe(latestEditStamp(stamps));
    }),
  );
});

test('every generated device id is valid and does not start with a zero', () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (numbers) => {
      const device = newDeviceId(() => Number(numbers.next().value));
      expect(parseDeviceId(device)).toBe(device);
      expect(device).not.toMatch(/^0/);
    }),
  );
});
