import fc from 'fast-check';
import { latestEditStamp, nextEditStamp, stampTime } from '../../couchdb-design/user-document/edit-stamp.ts';
import { correctedTime, type ClockReading } from '../platform/clock.ts';
import { createEdits } from './create-edits.ts';
import { createPreferenceSchema } from '../../couchdb-design/user-document/preference-schema.ts';
import { findCorrections } from './correct-stamps.ts';
import { applyEdits, EMPTY_DOCUMENT, type Edit, type Edits } from './edits.ts';

const NOW = Date.UTC(2026, 10, 22, 9, 30);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const YEAR_MS = 365 * DAY_MS;
const TOLERANCE_MS = 8_000;

const view = {
  schema: createPreferenceSchema({
    '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as object }) },
  }),
  defaults: {},
};

/** A page on a device whose clock is wrong, can jump, and does not know the server's time at first. */
class Page {
  /** The right time. */
  time = NOW;
  /** How far the device's clock is ahead of it. */
  error = 0;
  /** How long the monotonic clock stood still. */
  slept = 0;
  origin = 1;
  offset: number | undefined;
  unsent: Edits = [];
  document = EMPTY_DOCUMENT;
  /** The right time of each edit. */
  readonly times = new Map<string, number>();

  clock(): ClockReading {
    return {
      wall: this.time + this.error,
      monotonic: this.time - NOW - this.slept,
      origin: this.origin,
      offset: this.offset,
    };
  }

  edit(key: string): void {
    const context = { document: this.document, unsent: this.unsent, device: 'aaaaa', clock: this.clock() };
    this.unsent = [...this.unsent.filter((edit) => edit.key !== key), ...createEdits(view, { [key]: 1 }, context)];
    this.times.set(key, this.time);
  }

  /** The server's clock is read, and the unsent edits are corrected. Returns how many were. */
  connect(): number {
    this.offset = -this.error;
    const corrections = findCorrections(this.unsent, this.clock());
    const replacements = new Map<Edit, Edit>(corrections.map(({ wrong, corrected }) => [wrong, corrected]));
    this.unsent = this.unsent.map((edit) => replacements.get(edit) ?? edit);
    return corrections.length;
  }

  /** How far the stamp of an edit is from the right time, in ms. */
  errorOf(key: string): number {
    const edit = this.unsent.find((each) => each.key === key);
    return Math.abs(stampTime(edit?.stamp ?? '') - (this.times.get(key) ?? NaN));
  }
}

const ERRORS = [-9 * YEAR_MS, -3 * DAY_MS, -5 * MINUTE_MS, 5 * MINUTE_MS, 3 * DAY_MS, 9 * YEAR_MS];

test.each(ERRORS)('edits of a clock that is off by %d ms are dated right, whenever the server is reached', (error) => {
  const page = new Page();
  page.error = error;
  for (const key of ['a', 'b', 'c']) {
    page.edit(key);
    page.time += MINUTE_MS;
  }
  page.time += 7 * DAY_MS;
  page.slept += 6 * DAY_MS;
  expect(page.connect()).toBe(3);
  for (const key of ['a', 'b', 'c']) expect(page.errorOf(key)).toBeLessThan(TOLERANCE_MS);
  // Once is enough, and further edits are dated right at once.
  page.edit('d');
  expect(page.connect()).toBe(0);
  expect(page.errorOf('d')).toBeLessThan(TOLERANCE_MS);
});

test.each(ERRORS)('after a reload of the page too, %d ms', (error) => {
  const page = new Page();
  page.error = error;
  page.edit('a');
  page.time += DAY_MS;
  page.origin = 2;
  page.slept = page.time - NOW;
  expect(page.connect()).toBe(1);
  expect(page.errorOf('a')).toBeLessThan(TOLERANCE_MS);
});

test.each(ERRORS)(
  'a clock that jumps by %d ms while the page is open: edits before and after it are dated right',
  (jump) => {
    for (const isKnown of [false, true]) {
      const page = new Page();
      if (isKnown) page.connect();
      page.edit('before');
      page.time += MINUTE_MS;
      page.error = jump;
      page.edit('after');
      page.time += MINUTE_MS;
      page.connect();
      expect(page.errorOf('before')).toBeLessThan(TOLERANCE_MS);
      expect(page.errorOf('after')).toBeLessThan(TOLERANCE_MS);
    }
  },
);

test.each(ERRORS)('a clock that was off by %d ms and is set right before the server is reached', (error) => {
  for (const isKnown of [false, true]) {
    const page = new Page();
    page.error = error;
    if (isKnown) page.connect();
    page.edit('before');
    page.time += MINUTE_MS;
    page.error = 0;
    page.edit('after');
    page.time += MINUTE_MS;
    page.connect();
    expect(page.errorOf('after')).toBeLessThan(TOLERANCE_MS);
    // A clock that was set forward by a few days looks like a computer that slept, unless the clock is before all it has seen.
    if (isKnown || error > 0 || error < -YEAR_MS) expect(page.errorOf('before')).toBeLessThan(TOLERANCE_MS);
  }
});

test('a clock behind what the device has seen was wrong, also if it was set right since', () => {
  const page = new Page();
  const seen = nextEditStamp({ now: NOW - MINUTE_MS, device: 'bbbbb', seen: undefined });
  page.document = applyEdits(EMPTY_DOCUMENT, [{ key: 'theirs', value: 1, stamp: seen }]);
  page.error = -3 * DAY_MS;
  page.edit('a');
  page.time += 10 * MINUTE_MS;
  page.error = 0;
  expect(page.connect()).toBe(1);
  expect(page.errorOf('a')).toBeLessThan(TOLERANCE_MS);
});

test('edits of a right clock are never changed, however long the computer sleeps', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(DAY_MS), fc.nat(7 * DAY_MS)), { minLength: 1, maxLength: 8 }), (rests) => {
      const page = new Page();
      for (const [index, [awake, asleep]] of rests.entries()) {
        page.edit(String.fromCodePoint(97 + index));
        page.time += awake + asleep;
        page.slept += asleep;
        if (index % 3 === 2) expect(page.connect()).toBe(0);
      }
      expect(page.connect()).toBe(0);
    }),
  );
});

test('a corrected stamp exceeds what the device had seen, and edits keep their order', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ jump: fc.option(fc.integer({ min: -9 * YEAR_MS, max: 9 * YEAR_MS })), rest: fc.nat(DAY_MS) }),
        {
          minLength: 1,
          maxLength: 8,
        },
      ),
      fc.integer({ min: NOW - YEAR_MS, max: NOW + YEAR_MS }),
      (steps, seenAt) => {
        const page = new Page();
        const seen = nextEditStamp({ now: seenAt, device: 'bbbbb', seen: undefined });
        page.document = applyEdits(EMPTY_DOCUMENT, [{ key: 'theirs', value: 1, stamp: seen }]);
        for (const [index, { jump, rest }] of steps.entries()) {
          if (jump !== null) page.error = jump;
          page.edit(String.fromCodePoint(97 + index));
          page.time += rest;
        }
        page.connect();
        const stamps = page.unsent.map(({ stamp }) => stamp);
        expect(stamps).toEqual(stamps.toSorted());
        expect(new Set(stamps).size).toBe(stamps.length);
        expect(latestEditStamp([seen, stamps[0] ?? ''])).toBe(stamps[0]);
        // A second correction would loop while two servers disagree.
        page.error += DAY_MS;
        page.connect();
        page.error -= DAY_MS;
        expect(page.connect()).toBe(0);
      },
    ),
  );
});

test('the values, and the marks of rejected edits, are kept', () => {
  const clock: ClockReading = { wall: NOW + DAY_MS, monotonic: 0, origin: 1 };
  const [edit] = createEdits(view, { a: ['x'] }, { document: undefined, unsent: [], device: 'aaaaa', clock });
  const [correction] = findCorrections([{ ...(edit as Edit), isSuspect: true }], { ...clock, offset: -DAY_MS });
  expect(correction?.corrected).toEqual({
    key: 'a',
    value: ['x'],
    isSuspect: true,
    stamp: nextEditStamp({ now: correctedTime({ ...clock, offset: -DAY_MS }), device: 'aaaaa', seen: undefined }),
  });
});
