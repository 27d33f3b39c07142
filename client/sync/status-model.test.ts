/** The status after any sequence of events, against a model that is told in other words: by looking back over them all. */
import fc from 'fast-check';
import { advance, toSyncStatus, INITIAL_PROGRESS, type Phase, type RefusedEdit, type StatusEvent } from './status.ts';

const phase = fc.constantFrom<Phase>('starting', 'catching-up', 'live', 'offline', 'sign-in-needed');
const time = fc.integer({ min: 1, max: 20 });
const maybeTime = fc.option(time, { nil: undefined });
const edit: fc.Arbitrary<RefusedEdit> = fc.record({
  key: fc.constantFrom('theme', 'viewMode', 'timezone'),
  value: fc.integer(),
  reason: fc.constant('No.'),
});
const event: fc.Arbitrary<StatusEvent> = fc.oneof(
  fc.constantFrom<StatusEvent>({ type: 'begun' }, { type: 'answered' }, { type: 'dismissed' }),
  time.map((lastSynced) => ({ type: 'caught-up', lastSynced }) as const),
  fc
    .tuple(fc.constantFrom('interrupted', 'sign-in-needed'), maybeTime)
    .map(([type, lastActivityAt]): StatusEvent => (lastActivityAt === undefined ? { type } : { type, lastActivityAt })),
  fc.nat({ max: 4 }).map((unsent) => ({ type: 'unsent', unsent }) as const),
  edit.map((refused) => ({ type: 'refused', edit: refused }) as const),
  maybeTime.map((lastSynced) => ({ type: 'remembered', lastSynced }) as const),
  fc.record({ type: fc.constant('led'), phase, refused: fc.array(edit, { maxLength: 2 }), lastSynced: maybeTime }),
);
const events = fc.array(event, { maxLength: 40 });

const CONNECTION_EVENTS: readonly StatusEvent['type'][] = [
  'answered',
  'caught-up',
  'interrupted',
  'sign-in-needed',
  'led',
];

/** Asserts of every state on the way. */
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
      all.forEach((one, at) => {
        const before = progress;
        progress = advance(before, one);
        assertion(toSyncStatus(progress), all.slice(0, at + 1), toSyncStatus(before));
        // The same object exactly when nothing changed.
        expect(progress === before).toBe(JSON.stringify(progress) === JSON.stringify(before));
      });
    }),
    { numRuns: 300 },
  );

const findLastOf = (past: readonly StatusEvent[], types: readonly StatusEvent['type'][]): StatusEvent | undefined =>
  past.findLast(({ type }) => types.includes(type));

test('it is live only since it was caught up, with no interruption and no new beginning in between', () => {
  assertAlways(({ state }, past) => {
    if (state !== 'live') return;
    const last = findLastOf(past, [...CONNECTION_EVENTS.filter((type) => type !== 'answered'), 'begun']);
    expect(last?.type === 'led' ? last.phase : last?.type).toBe(last?.type === 'led' ? 'live' : 'caught-up');
  });
});

test('after an interruption it is offline until an answer, and after a refused token until one', () => {
  assertAlways(({ state }, past) => {
    const last = findLastOf(past, CONNECTION_EVENTS);
    if (last?.type === 'interrupted') expect(state).toBe('offline');
    if (last?.type === 'sign-in-needed') expect(state).toBe('sign-in-needed');
  });
});

test('a refused edit is shown until it is dismissed, unless the connection is the bigger problem', () => {
  assertAlways(({ state, refused }, past) => {
    const from = past.findLastIndex(({ type }) => type === 'dismissed' || type === 'led');
    const told = past[from];
    const keys = [
      ...(told?.type === 'led' ? (told.refused ?? []) : []),
      ...past.slice(from + 1).flatMap((one) => (one.type === 'refused' ? [one.edit] : [])),
    ].map(({ key }) => key);
    expect(new Set(refused.map(({ key }) => key))).toEqual(new Set(keys));
    if (keys.length > 0) expect(['refused', 'offline', 'sign-in-needed', 'starting']).toContain(state);
    else expect(state).not.toBe('refused');
  });
});

test('the number of unsent edits is exactly the one that was told last', () => {
  assertAlways(({ unsent }, past) => {
    const last = findLastOf(past, ['unsent']);
    expect(unsent).toBe(last?.type === 'unsent' ? last.unsent : 0);
  });
});

test('the time of the last sync never goes back, and is always one that was told', () => {
  assertAlways(({ lastSynced }, past, before) => {
    expect(lastSynced ?? 0).toBeGreaterThanOrEqual(before.lastSynced ?? 0);
    if (lastSynced !== undefined) expect(JSON.stringify(past)).toContain(String(lastSynced));
  });
});

test('whoever is caught up was last synced then, or later', () => {
  assertAlways(({ lastSynced }, past) => {
    const last = past.at(-1);
    if (last?.type === 'caught-up') expect(lastSynced).toBeGreaterThanOrEqual(last.lastSynced);
  });
});
