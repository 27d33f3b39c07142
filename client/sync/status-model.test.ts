/** Compares the status after any sequence of events with a second model, which looks back over all events. */
import fc from 'fast-check';
import type { PlatformReason } from '../platform/health.ts';
import {
  advance,
  toSyncStatus,
  INITIAL_PROGRESS,
  type Phase,
  type RefusedEdit,
  type StatusEvent,
  type SyncState,
} from './status.ts';
import type { ConnectionReason } from './status-reason.ts';

const phase = fc.constantFrom<Phase>('starting', 'catching-up', 'live', 'offline', 'sign-in-needed');
const time = fc.integer({ min: 1, max: 20 });
const maybeTime = fc.option(time, { nil: undefined });
const connection = fc.constantFrom<ConnectionReason>('network-unreachable', 'wrong-url', 'token-expired');
const platform = fc.subarray<PlatformReason>(['database-unavailable', 'locks-unavailable']);
const isDisconnected = (state: SyncState): boolean => state === 'offline' || state === 'sign-in-needed';
const edit: fc.Arbitrary<RefusedEdit> = fc.record({
  key: fc.constantFrom('theme', 'viewMode', 'timezone'),
  value: fc.integer(),
  reason: fc.constant('No.'),
});
const event: fc.Arbitrary<StatusEvent> = fc.oneof(
  fc.constantFrom<StatusEvent>({ type: 'begun' }, { type: 'answered' }, { type: 'dismissed' }),
  time.map((lastSynced) => ({ type: 'caught-up', lastSynced }) as const),
  fc
    .tuple(fc.constantFrom('interrupted', 'sign-in-needed'), connection, maybeTime)
    .map(([type, reason, lastActivityAt]): StatusEvent =>
      lastActivityAt === undefined ? { type, reason } : { type, reason, lastActivityAt },
    ),
  fc.nat({ max: 4 }).map((unsent) => ({ type: 'unsent', unsent }) as const),
  edit.map((refused) => ({ type: 'refused', edit: refused }) as const),
  maybeTime.map((lastSynced) => ({ type: 'remembered', lastSynced }) as const),
  fc.integer({ min: -60_000, max: 60_000 }).map((offset) => ({ type: 'clock', offset }) as const),
  platform.map((reasons) => ({ type: 'platform', reasons }) as const),
  // A leader has a reason whenever it has no connection.
  fc
    .record({
      type: fc.constant('led'),
      phase,
      refused: fc.array(edit, { maxLength: 2 }),
      lastSynced: maybeTime,
      connection: fc.option(connection, { nil: undefined }),
      platform,
    })
    .filter((led) => led.connection !== undefined || !isDisconnected(led.phase)),
);
const events = fc.array(event, { maxLength: 40 });

const CONNECTION_EVENTS: readonly StatusEvent['type'][] = [
  'answered',
  'caught-up',
  'interrupted',
  'sign-in-needed',
  'led',
];

/** Asserts a property of the state after each event. */
const assertAlways = (
  assertion: (
    after: ReturnType<typeof toSyncStatus>,
    past: readonly StatusEvent[],
    before: ReturnType<typeof toSyncStatus>,
  ) => void,
): void =>
  fc.assert(
    fc.property(events, (all) => {
      let progress = INITIAL_PROGRESS;
      all.forEach((one, index) => {
        const before = progress;
        progress = advance(before, one);
        assertion(toSyncStatus(progress), all.slice(0, index + 1), toSyncStatus(before));
        // It is the same object if and only if nothing changed.
        expect(progress === before).toBe(JSON.stringify(progress) === JSON.stringify(before));
      });
    }),
    { numRuns: 300 },
  );

const findLastOf = (past: readonly StatusEvent[], types: readonly StatusEvent['type'][]): StatusEvent | undefined =>
  past.findLast(({ type }) => types.includes(type));

test('is live only after caught-up, with no interruption or new run in between', () => {
  assertAlways(({ state }, past) => {
    if (state !== 'live') return;
    const last = findLastOf(past, [...CONNECTION_EVENTS.filter((type) => type !== 'answered'), 'begun']);
    expect(last?.type === 'led' ? last.phase : last?.type).toBe(last?.type === 'led' ? 'live' : 'caught-up');
  });
});

test('is offline from an interruption, and sign-in-needed from a rejected token, until the next response', () => {
  assertAlways(({ state }, past) => {
    const last = findLastOf(past, CONNECTION_EVENTS);
    if (last?.type === 'interrupted') expect(state).toBe('offline');
    if (last?.type === 'sign-in-needed') expect(state).toBe('sign-in-needed');
  });
});

test('shows a rejected edit until it is dismissed, except while the connection is lost', () => {
  assertAlways(({ state, refused }, past) => {
    const from = past.findLastIndex(({ type }) => type === 'dismissed' || type === 'led');
    const base = past[from];
    const keys = [
      ...(base?.type === 'led' ? (base.refused ?? []) : []),
      ...past.slice(from + 1).flatMap((one) => (one.type === 'refused' ? [one.edit] : [])),
    ].map(({ key }) => key);
    expect(new Set(refused.map(({ key }) => key))).toEqual(new Set(keys));
    if (keys.length > 0) expect(['refused', 'offline', 'sign-in-needed', 'starting']).toContain(state);
    else expect(state).not.toBe('refused');
  });
});

test('the number of unsent edits is that of the last event', () => {
  assertAlways(({ unsent }, past) => {
    const last = findLastOf(past, ['unsent']);
    expect(unsent).toBe(last?.type === 'unsent' ? last.unsent : 0);
  });
});

test('the time of the last sync never decreases, and always comes from an event', () => {
  assertAlways(({ lastSynced }, past, before) => {
    expect(lastSynced ?? 0).toBeGreaterThanOrEqual(before.lastSynced ?? 0);
    if (lastSynced !== undefined) expect(JSON.stringify(past)).toContain(String(lastSynced));
  });
});

test('the time of the last sync is at least that of the last caught-up event', () => {
  assertAlways(({ lastSynced }, past) => {
    const last = past.at(-1);
    if (last?.type === 'caught-up') expect(lastSynced).toBeGreaterThanOrEqual(last.lastSynced);
  });
});

const PLATFORM_REASONS: readonly string[] = ['database-unavailable', 'locks-unavailable'];

test('the parts that do not work are those of the last platform event: another tab’s are not this tab’s', () => {
  assertAlways(({ reasons }, past) => {
    const last = findLastOf(past, ['platform']);
    expect(reasons.filter((reason) => PLATFORM_REASONS.includes(reason))).toEqual(
      last?.type === 'platform' ? last.reasons : [],
    );
  });
});

test('the reason for the lost connection is that of the last failure, the leader’s included, until the store is live', () => {
  assertAlways(({ state, reasons }, past) => {
    const last = findLastOf(past, ['interrupted', 'sign-in-needed', 'caught-up', 'led']);
    const expected =
      last?.type === 'interrupted' || last?.type === 'sign-in-needed'
        ? last.reason
        : last?.type === 'led'
          ? last.connection
          : undefined;
    const shown = reasons.filter((reason) => !PLATFORM_REASONS.includes(reason));
    expect(shown).toEqual(expected === undefined ? [] : [expected]);
    if (isDisconnected(state)) expect(shown).toHaveLength(1);
  });
});
