import fc from 'fast-check';
import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import {
  decideRefresh,
  endSession,
  isActive,
  newSession,
  REPEAT_WINDOW_MS,
  SESSION_LIFETIME_MS,
  planCleanup,
  type Session,
} from './state.ts';

const alice = parseUsername('alice');
if (alice === undefined) throw new Error('alice is a username');

const START = Date.parse('2026-11-22T12:00:00Z');
const DAY_MS = 86_400_000;
const PARTIES = ['owner', 'thief'] as const;
const fresh = newSession('s', alice, 'Firefox on Linux', START);

/** What a party does with the one refresh token it holds: refreshes after a while, its answer lost or not. */
const step = fc.record({
  wait: fc.oneof(fc.integer({ min: 0, max: REPEAT_WINDOW_MS }), fc.integer({ min: 0, max: 20 * DAY_MS })),
  lost: fc.boolean(),
});

test('whoever asks again within a minute of a lost answer is never signed out', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let session = fresh;
      let held = session.generation;
      let now = START;
      const refresh = (): boolean => {
        const decision = decideRefresh(session, held, now);
        if (decision.kind === 'refuse') {
          expect(isActive(session, now)).toBe(false);
          return false;
        }
        expect(decision.kind).not.toBe('end');
        if (decision.kind === 'rotate') session = decision.session;
        return true;
      };
      for (const { wait, lost } of steps) {
        now += wait;
        if (!refresh()) break;
        if (lost) {
          now += wait % REPEAT_WINDOW_MS;
          if (!refresh()) break;
        }
        held = session.generation;
      }
    }),
  );
});

test('a token taken by somebody else ends the session as soon as both have gone on with it', () => {
  const takes = fc.array(
    fc.record({ who: fc.constantFrom(...PARTIES), wait: fc.integer({ min: REPEAT_WINDOW_MS + 1, max: DAY_MS }) }),
    {
      minLength: 1,
      maxLength: 20,
    },
  );
  fc.assert(
    fc.property(takes, (turns) => {
      let session: Session = fresh;
      let now = START;
      // Both hold the same token at the start; each keeps what it is given.
      const held = { owner: 1, thief: 1 };
      const used = new Set<(typeof PARTIES)[number]>();
      for (const { who, wait } of turns) {
        now += wait;
        used.add(who);
        const decision = decideRefresh(session, held[who], now);
        if (decision.kind === 'rotate' || decision.kind === 'end') session = decision.session;
        if (decision.kind === 'rotate') held[who] = session.generation;
        expect(isActive(session, now)).toBe(used.size < 2);
      }
    }),
  );
});

test('only the newest token, and the one before it for a minute, are good', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 1_000 }),
      fc.integer({ min: 1, max: 1_000 }),
      fc.nat(2 * REPEAT_WINDOW_MS),
      (current, asked, age) => {
        const session = { ...fresh, generation: current };
        const { kind } = decideRefresh(session, asked, START + age);
        if (asked >= current) expect(kind).toBe('rotate');
        else if (asked === current - 1 && age <= REPEAT_WINDOW_MS) expect(kind).toBe('repeat');
        else expect(kind).toBe('end');
      },
    ),
  );
});

test('a rotation never shortens the count, and never lengthens the life beyond 90 days', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 29 * DAY_MS }), { minLength: 1, maxLength: 40 }), (waits) => {
      let session = fresh;
      let now = START;
      for (const wait of waits) {
        now += wait;
        const decision = decideRefresh(session, session.generation, now);
        if (decision.kind !== 'rotate') break;
        expect(decision.session.generation).toBe(session.generation + 1);
        expect(decision.session.expiresAt).toBeLessThanOrEqual(START + SESSION_LIFETIME_MS.absolute);
        session = decision.session;
      }
      expect(isActive(session, START + SESSION_LIFETIME_MS.absolute)).toBe(false);
    }),
  );
});

test('a session that nobody uses ends after 30 days', () => {
  expect(isActive(fresh, START + SESSION_LIFETIME_MS.sliding - 1)).toBe(true);
  expect(decideRefresh(fresh, 1, START + SESSION_LIFETIME_MS.sliding)).toEqual({ kind: 'refuse' });
});

test('an ended session is refused with any token, and keeps the reason of its end', () => {
  const over = endSession(fresh, 'user', START + 1);
  for (const generation of [1, 2, 3]) expect(decideRefresh(over, generation, START + 2)).toEqual({ kind: 'refuse' });
  expect(endSession(over, 'reuse', START + 5).ended).toEqual({ at: START + 1, by: 'user' });
});

test('a token ahead of the database, which has lost its rotation, goes on', () => {
  expect(decideRefresh(fresh, 7, START + DAY_MS)).toMatchObject({ kind: 'rotate', session: { generation: 8 } });
});

test('one user has at most 50 live sessions, and the least used ones go', () => {
  const many = Array.from({ length: 60 }, (_, index) => ({ ...fresh, id: `s${index}`, refreshedAt: START + index }));
  const { end, remove } = planCleanup(many, START + DAY_MS);
  expect(end.map((session) => session.id).toSorted()).toEqual(
    many
      .slice(0, 10)
      .map((session) => session.id)
      .toSorted(),
  );
  expect(remove).toEqual([]);
});

test('only what is over is forgotten: after a week, or when there is much of it', () => {
  const over = Array.from({ length: 30 }, (_, index) =>
    endSession({ ...fresh, id: `o${index}`, refreshedAt: START + index }, 'user', START + index),
  );
  expect(planCleanup([fresh, ...over], START + DAY_MS).remove).toHaveLength(10);
  expect(planCleanup([fresh, ...over], START + 8 * DAY_MS).remove).toHaveLength(30);
});
