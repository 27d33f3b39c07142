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
if (alice === undefined) throw new Error('alice is not a username');

const START = Date.parse('2026-11-22T12:00:00Z');
const DAY_MS = 86_400_000;
const PARTIES = ['owner', 'thief'] as const;
const fresh = newSession('s', alice, 'Firefox on Linux', START);

/** One refresh by the holder of a token: the wait before it in ms, and whether its response is lost. */
const step = fc.record({
  wait: fc.oneof(fc.integer({ min: 0, max: REPEAT_WINDOW_MS }), fc.integer({ min: 0, max: 20 * DAY_MS })),
  lost: fc.boolean(),
});

test('a client that retries within a minute of a lost response is never signed out', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let session = fresh;
      let generation = session.generation;
      let now = START;
      const refresh = (): boolean => {
        const decision = decideRefresh(session, generation, now);
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
        generation = session.generation;
      }
    }),
  );
});

test('a stolen token ends the session as soon as both holders have used it', () => {
  const refreshes = fc.array(
    fc.record({ party: fc.constantFrom(...PARTIES), wait: fc.integer({ min: REPEAT_WINDOW_MS + 1, max: DAY_MS }) }),
    {
      minLength: 1,
      maxLength: 20,
    },
  );
  fc.assert(
    fc.property(refreshes, (steps) => {
      let session: Session = fresh;
      let now = START;
      // Both start with the same token; each keeps the successor that it receives.
      const generations = { owner: 1, thief: 1 };
      const used = new Set<(typeof PARTIES)[number]>();
      for (const { party, wait } of steps) {
        now += wait;
        used.add(party);
        const decision = decideRefresh(session, generations[party], now);
        if (decision.kind === 'rotate' || decision.kind === 'end') session = decision.session;
        if (decision.kind === 'rotate') generations[party] = session.generation;
        expect(isActive(session, now)).toBe(used.size < 2);
      }
    }),
  );
});

test('only the newest token is valid, and the previous one for a minute', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 1_000 }),
      fc.integer({ min: 1, max: 1_000 }),
      fc.nat(2 * REPEAT_WINDOW_MS),
      (current, generation, age) => {
        const session = { ...fresh, generation: current };
        const { kind } = decideRefresh(session, generation, START + age);
        if (generation >= current) expect(kind).toBe('rotate');
        else if (generation === current - 1 && age <= REPEAT_WINDOW_MS) expect(kind).toBe('repeat');
        else expect(kind).toBe('end');
      },
    ),
  );
});

test('a rotation increments the generation, and never extends the lifetime beyond 90 days', () => {
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

test('an unused session expires after 30 days', () => {
  expect(isActive(fresh, START + SESSION_LIFETIME_MS.sliding - 1)).toBe(true);
  expect(decideRefresh(fresh, 1, START + SESSION_LIFETIME_MS.sliding)).toEqual({ kind: 'refuse' });
});

test('an ended session rejects every token, and keeps the reason of its end', () => {
  const ended = endSession(fresh, 'user', START + 1);
  for (const generation of [1, 2, 3]) expect(decideRefresh(ended, generation, START + 2)).toEqual({ kind: 'refuse' });
  expect(endSession(ended, 'reuse', START + 5).ended).toEqual({ at: START + 1, by: 'user' });
});

test('a token ahead of the database, which has lost a rotation, is accepted', () => {
  expect(decideRefresh(fresh, 7, START + DAY_MS)).toMatchObject({ kind: 'rotate', session: { generation: 8 } });
});

test('one user has at most 50 active sessions; the least recently used ones end', () => {
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

test('only ended sessions are removed: after a week, or beyond the newest 20', () => {
  const ended = Array.from({ length: 30 }, (_, index) =>
    endSession({ ...fresh, id: `o${index}`, refreshedAt: START + index }, 'user', START + index),
  );
  expect(planCleanup([fresh, ...ended], START + DAY_MS).remove).toHaveLength(10);
  expect(planCleanup([fresh, ...ended], START + 8 * DAY_MS).remove).toHaveLength(30);
});
