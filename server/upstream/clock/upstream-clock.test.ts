import fc from 'fast-check';
import { UpstreamClock, type ClockOffset } from './upstream-clock.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 10, 30, 12);

/** A clock whose machine and upstream are values of the test. Requests take `delayMs`. */
function createClock({ offsetMs = 0, delayMs = 5 } = {}) {
  const world = { elapsed: 0, localJumpMs: 0, offsetMs, delayMs };
  const estimates: ClockOffset[] = [];
  const clock = new UpstreamClock({
    now: () => START + world.elapsed + world.localJumpMs,
    elapsed: () => world.elapsed,
    onEstimate: (offset) => estimates.push(offset),
  });
  const upstreamTime = (): number => START + world.elapsed + world.offsetMs;
  const respond = (date = new Date(upstreamTime()).toUTCString()): void => {
    const sentAt = clock.elapsed();
    world.elapsed += world.delayMs;
    clock.onResponse(date, sentAt);
  };
  return { world, clock, estimates, upstreamTime, respond };
}

test('the time is that of this machine before the first response, and after responses without a date', () => {
  const { clock, respond, estimates } = createClock({ offsetMs: DAY_MS });
  expect([clock.offset, clock.isCorrected, clock.now()]).toEqual([undefined, false, START]);
  clock.onResponse(undefined, 0);
  respond('not a date');
  expect([clock.offset, clock.isCorrected, estimates]).toEqual([undefined, false, []]);
});

test.each([-400 * DAY_MS, -2 * DAY_MS, -60_000, -5_000, 5_000, 60_000, 3 * DAY_MS, 400 * DAY_MS])(
  'an offset of %i ms is corrected, to the resolution of the header',
  (offsetMs) => {
    const { world, clock, respond, upstreamTime, estimates } = createClock({ offsetMs });
    respond();
    expect(Math.abs(clock.now() - upstreamTime())).toBeLessThanOrEqual(1_000);
    expect(clock.isCorrected).toBe(true);
    // Further responses at other moments of a second make it more precise.
    for (let round = 0; round < 14; round += 1) {
      world.elapsed += 310;
      respond();
    }
    expect(Math.abs(clock.now() - upstreamTime())).toBeLessThanOrEqual(100);
    expect(Math.abs((estimates.at(-1)?.offsetMs ?? 0) - offsetMs)).toBeLessThanOrEqual(100);
    expect(Number.isInteger(clock.now())).toBe(true);
  },
);

test('no delay and no sequence of responses corrects the time of clocks that are less than two seconds apart', () => {
  const anyResponse = fc.record({ delayMs: fc.nat(30_000), pauseMs: fc.nat(400_000) });
  fc.assert(
    fc.property(
      fc.array(anyResponse, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: -2_000, max: 2_000 }),
      (responses, offsetMs) => {
        const { world, clock, respond } = createClock({ offsetMs });
        for (const { delayMs, pauseMs } of responses) {
          Object.assign(world, { delayMs, elapsed: world.elapsed + pauseMs });
          respond();
          expect([clock.isCorrected, clock.now()]).toEqual([false, START + world.elapsed]);
        }
      },
    ),
  );
});

test("a jump of this machine's clock changes nothing, before and after the next response", () => {
  const { world, clock, respond, upstreamTime } = createClock();
  respond();
  expect(clock.isCorrected).toBe(false);
  for (const localJumpMs of [3 * DAY_MS, -2 * DAY_MS, 90_000]) {
    world.localJumpMs = localJumpMs;
    expect(clock.isCorrected).toBe(true);
    expect(Math.abs(clock.now() - upstreamTime())).toBeLessThanOrEqual(1_000);
    respond();
    expect(Math.abs(clock.now() - upstreamTime())).toBeLessThanOrEqual(1_000);
  }
  world.localJumpMs = 0;
  expect([clock.isCorrected, clock.now()]).toEqual([false, upstreamTime()]);
});

test('after a suspension, in which the elapsed time stands still, one response corrects the estimate', () => {
  const { world, clock, respond, upstreamTime } = createClock();
  for (let round = 0; round < 20; round += 1) respond();
  // Both clocks have gone on.
  Object.assign(world, { offsetMs: DAY_MS, localJumpMs: DAY_MS });
  respond();
  expect([clock.isCorrected, clock.now()]).toEqual([false, upstreamTime()]);
});

test("a jump of the upstream's clock counts once most of the last responses show it, or the older ones are out of date", () => {
  const busy = createClock();
  for (let round = 0; round < 20; round += 1) busy.respond();
  busy.world.offsetMs = 3 * DAY_MS;
  for (let round = 0; round < 7; round += 1) busy.respond();
  expect(busy.clock.isCorrected).toBe(false);
  busy.respond();
  expect(Math.abs(busy.clock.now() - busy.upstreamTime())).toBeLessThanOrEqual(1_000);

  const idle = createClock();
  idle.respond();
  idle.respond();
  idle.world.elapsed += 6 * 60_000;
  idle.world.offsetMs = -2 * DAY_MS;
  idle.respond();
  expect(Math.abs(idle.clock.now() - idle.upstreamTime())).toBeLessThanOrEqual(1_000);
});

test('one node of three with another clock is outvoted', () => {
  const { world, clock, respond } = createClock();
  for (let round = 0; round < 60; round += 1) {
    world.offsetMs = round % 3 === 1 ? 3 * DAY_MS : 0;
    respond();
    if (round > 0) expect(clock.isCorrected).toBe(round === 1);
  }
});
