import fc from 'fast-check';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { AttemptCounters, createDigest } from './attempt-counters.ts';
import { SignInAttempts, type AttemptOrigin, type StartedAttempt } from './attempts.ts';
import { MAX_GUESSES_PER_HOUR, MAX_HOLD_MS } from './policies.ts';

const HOUR_MS = 3_600_000;
const digest = createDigest('a secret for tests, and for nothing else at all');

const named = (name: string): Username => {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username`);
  return username;
};
const VICTIM = named('alice');

/** One gate with a clock of its own. */
function startGate() {
  const clock = { now: Date.parse('2026-11-30T12:00:00Z') };
  const counters = new AttemptCounters(() => clock.now);
  const outcomes: string[] = [];
  const attempts = new SignInAttempts({
    counters,
    digest,
    now: () => clock.now,
    onOutcome: (outcome) => outcomes.push(outcome),
  });
  const from = (address: string, deviceId?: string): AttemptOrigin => ({ address, deviceId });
  const begin = (address: string, username: Username | undefined = VICTIM, deviceId?: string) =>
    attempts.begin(username, from(address, deviceId));
  /** Guesses once, if that is allowed. */
  const guess = (address: string, username?: Username): boolean => {
    const attempt = begin(address, username);
    if (attempt.kind === 'refused') return false;
    clock.now += attempt.waitMs;
    attempt.fail();
    return true;
  };
  const started = (attempt: ReturnType<typeof begin>): StartedAttempt => {
    if (attempt.kind === 'refused') throw new Error(`refused for ${attempt.retryAfterMs} ms`);
    return attempt;
  };
  return { clock, counters, attempts, outcomes, begin, guess, started };
}

test('a name can be guessed at most 70 times in the first hour from any number of addresses, and 40 times in later ones', () => {
  for (const addresses of [1, 2, 10, 100, 10_000]) {
    const { clock, guess } = startGate();
    const start = clock.now;
    const perHour = [0, 0, 0];
    for (let n = 0; clock.now < start + 3 * HOUR_MS; n += 1) {
      const hour = Math.floor((clock.now - start) / HOUR_MS);
      if (guess(`192.0.2.${n % addresses}`)) perHour[hour] = (perHour[hour] ?? 0) + 1;
      else clock.now += 3_000;
    }
    expect(perHour[0]).toBeLessThanOrEqual(MAX_GUESSES_PER_HOUR);
    expect(perHour[1]).toBeLessThanOrEqual(40);
    expect(perHour[2]).toBeLessThanOrEqual(40);
    // The limit is no lock: guesses go on.
    expect(perHour[2]).toBeGreaterThan(10);
  }
});

test('no order of guesses, addresses and pauses exceeds that number', () => {
  const plans = fc.array(
    fc.record({
      address: fc.nat({ max: 30 }),
      pauseMs: fc.integer({ min: 0, max: 120_000 }),
      repeat: fc.nat({ max: 20 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(plans, (plan) => {
      const { clock, guess } = startGate();
      const times: number[] = [];
      for (const { address, pauseMs, repeat } of plan) {
        clock.now += pauseMs;
        for (let n = 0; n <= repeat; n += 1) if (guess(`192.0.2.${address}`)) times.push(clock.now);
      }
      for (const [index, time] of times.entries()) {
        const last = times[index + MAX_GUESSES_PER_HOUR];
        if (last !== undefined) expect(last - time).toBeGreaterThan(HOUR_MS);
      }
    }),
  );
});

test('while others guess from a few addresses, the right password gets through at once from another one', () => {
  const { clock, begin, guess, started } = startGate();
  for (let n = 0; n < 5_000; n += 1) {
    guess(`192.0.2.${n % 8}`);
    clock.now += 1_000;
  }
  const own = started(begin('198.51.100.1'));
  expect(own.waitMs).toBe(0);
  own.succeed();
  // From then on as well.
  expect(started(begin('198.51.100.1')).waitMs).toBe(0);
});

test('an address that abandons its attempts before the check does not delay the right password from another one', () => {
  const { clock, begin, guess, started } = startGate();
  for (let n = 0; n < 12; n += 1) {
    guess(`192.0.2.${n}`);
    clock.now += MAX_HOLD_MS;
  }
  for (let minute = 0; minute < 10; minute += 1) {
    for (let second = 0; second < 60; second += 1) {
      clock.now += 1_000;
      const attempt = begin('203.0.113.1');
      if (attempt.kind === 'started') attempt.abandon();
    }
    started(begin('198.51.100.1')).succeed();
  }
});

test('an address that abandons attempts while no address is delayed is not delayed later', () => {
  const { begin, guess, started } = startGate();
  for (let n = 0; n < 100; n += 1) started(begin('198.51.100.1')).abandon();
  while (guess('192.0.2.1'));
  expect(started(begin('198.51.100.1')).waitMs).toBe(0);
});

test('many attempts at once from one address do not delay those from another', () => {
  const { begin, started } = startGate();
  const attempts = Array.from({ length: 100 }, () => begin('192.0.2.1'));
  for (const attempt of attempts) if (attempt.kind === 'started') attempt.fail();
  expect(started(begin('198.51.100.1')).waitMs).toBe(0);
});

test('while others guess from any number of addresses, a device that has signed in before gets through at once', () => {
  const { clock, begin, guess, started } = startGate();
  for (let n = 0; n < 5_000; n += 1) {
    guess(`192.0.2.${n}`);
    clock.now += 100;
  }
  expect(begin('198.51.100.1').kind).toBe('refused');
  expect(started(begin('198.51.100.1', VICTIM, 'device')).waitMs).toBe(0);
});

test('a known device that guesses is delayed on its own', () => {
  const { clock, begin } = startGate();
  const start = clock.now;
  let guesses = 0;
  while (clock.now < start + HOUR_MS) {
    const attempt = begin('192.0.2.1', VICTIM, 'stolen');
    if (attempt.kind === 'started') {
      clock.now += attempt.waitMs;
      attempt.fail();
      guesses += 1;
    } else clock.now += 1_000;
  }
  expect(guesses).toBeLessThanOrEqual(40);
  expect(begin('192.0.2.1', VICTIM, 'own')).toMatchObject({ kind: 'started', waitMs: 0 });
});

test('a refused attempt lengthens no delay', () => {
  const { begin, guess } = startGate();
  while (guess('192.0.2.1'));
  const first = begin('192.0.2.1');
  for (let n = 0; n < 1_000; n += 1) begin('192.0.2.1');
  expect(begin('192.0.2.1')).toEqual(first);
});

test('of a thousand attempts at once only a few start, and none of them waits for long', () => {
  const { begin } = startGate();
  const started = Array.from({ length: 1_000 }, () => begin('192.0.2.1')).filter(({ kind }) => kind === 'started');
  expect(started.length).toBeLessThanOrEqual(13);
  for (const each of started) expect((each as StartedAttempt).waitMs).toBeLessThanOrEqual(MAX_HOLD_MS);
});

test('a made-up name is delayed like the name of an account', () => {
  const { begin, guess } = startGate();
  const other = named('nobody-has-this-name');
  while (guess('192.0.2.1', VICTIM));
  const existing = begin('192.0.2.1', VICTIM);
  const second = startGate();
  while (second.guess('192.0.2.1', other));
  expect(second.begin('192.0.2.1', other)).toEqual(existing);
});

test('an office of a thousand people behind one address signs in at once, with a few typing errors', () => {
  const { clock, begin, started } = startGate();
  for (let n = 0; n < 1_000; n += 1) {
    const user = named(`user-${n}`);
    if (n % 25 === 0) started(begin('192.0.2.1', user)).fail();
    const attempt = started(begin('192.0.2.1', user));
    expect(attempt.waitMs).toBe(0);
    attempt.succeed();
    clock.now += 200;
  }
});

test('an address that tries many names is slowed down to one attempt in five seconds', () => {
  const { clock, guess } = startGate();
  const start = clock.now;
  let guesses = 0;
  for (let n = 0; clock.now < start + HOUR_MS; n += 1) {
    if (guess('192.0.2.1', named(`user-${n}`))) guesses += 1;
    else clock.now += 1_000;
  }
  expect(guesses).toBeLessThan(50 + (3 * 720) / 2);
});

test('texts that cannot be names are counted for their address only', () => {
  const { begin, started } = startGate();
  for (let n = 0; n < 60; n += 1) {
    const attempt = begin('192.0.2.1', undefined);
    if (attempt.kind === 'started') attempt.fail();
  }
  expect(begin('192.0.2.1').kind === 'refused' || started(begin('192.0.2.1')).waitMs > 0).toBe(true);
  expect(started(begin('192.0.2.2')).waitMs).toBe(0);
});

test('another gate counts on from what this one has published', () => {
  const [first, second] = [startGate(), startGate()];
  for (let n = 0; n < 300; n += 1) {
    first.guess(`192.0.2.${n % 2}`);
    first.clock.now += 1_000;
  }
  second.clock.now = first.clock.now - 86_400_000;
  // The pairs of addresses and names are not exchanged, so these are newcomers once.
  expect(second.guess('192.0.2.0')).toBe(true);
  expect(second.begin('192.0.2.0')).toMatchObject({ kind: 'started', waitMs: 0 });
  second.counters.receive('attempts:first', first.counters.toPublish());
  expect(second.begin('192.0.2.0')).toMatchObject({ kind: 'refused' });
  expect(second.begin('198.51.100.1')).toMatchObject({ kind: 'started', waitMs: 0 });
});

test('what is published is bounded, and contains neither names nor addresses', () => {
  const { counters, attempts } = startGate();
  for (let n = 0; n < 2_000; n += 1) {
    for (let each = 0; each < 2; each += 1) {
      const attempt = attempts.begin(named(`secret-name-${n}`), { address: `192.0.2.${n}`, deviceId: undefined });
      if (attempt.kind === 'started') attempt.fail();
    }
  }
  const text = JSON.stringify(counters.toPublish());
  expect(Object.keys(counters.toPublish()).length).toBeLessThanOrEqual(500);
  expect(text.length).toBeLessThan(50_000);
  expect(text).not.toMatch(/secret-name|192\.0/);
});

test('a user who signs in all the time is delayed, by their own sign-ins only, and each attempt has one outcome', () => {
  const { clock, begin, outcomes, started } = startGate();
  const start = clock.now;
  let accepted = 0;
  while (clock.now < start + HOUR_MS) {
    const attempt = begin('192.0.2.1', VICTIM, 'device');
    if (attempt.kind === 'started') {
      clock.now += attempt.waitMs;
      attempt.succeed();
      accepted += 1;
    } else clock.now += 1_000;
  }
  expect(accepted).toBeGreaterThan(60);
  expect(accepted).toBeLessThan(180);
  expect(started(begin('192.0.2.1', named('bob'))).waitMs).toBe(0);
  expect(outcomes.filter((each) => each === 'accepted').length).toBe(accepted);
  started(begin('192.0.2.2', named('bob'))).abandon();
  expect(outcomes.at(-1)).toBe('unchecked');
});
