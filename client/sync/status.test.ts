import { advance, toSyncStatus, INITIAL_PROGRESS, type Phase, type StatusEvent, type SyncProgress } from './status.ts';

const PHASES: readonly Phase[] = ['starting', 'catching-up', 'live', 'offline', 'sign-in-needed'];
const EDIT = { key: 'theme', value: 'dark', reason: 'No.' };
const LIVE: SyncProgress = {
  phase: 'live',
  unsent: 2,
  refused: [],
  lastSynced: 1_000,
  connection: undefined,
  platform: [],
};

const EVENTS = {
  begun: { type: 'begun' },
  answered: { type: 'answered' },
  'caught-up': { type: 'caught-up', lastSynced: 1_000 },
  interrupted: { type: 'interrupted', reason: 'wrong-url' },
  'sign-in-needed': { type: 'sign-in-needed', reason: 'token-expired' },
  led: { type: 'led', phase: 'live', refused: [] },
  unsent: { type: 'unsent', unsent: 2 },
  refused: { type: 'refused', edit: EDIT },
  dismissed: { type: 'dismissed' },
  platform: { type: 'platform', reasons: ['database-unavailable'] },
  clock: { type: 'clock', offset: 90_000 },
  remembered: { type: 'remembered', lastSynced: 500 },
} as const satisfies Record<StatusEvent['type'], StatusEvent>;

/** Rows: the phase before. Columns: the event, in the order of EVENTS. The last six events change no phase. */
const TABLE: Record<Phase, readonly Phase[]> = {
  starting: ['starting', 'catching-up', 'live', 'offline', 'sign-in-needed', 'live'],
  'catching-up': ['catching-up', 'catching-up', 'live', 'offline', 'sign-in-needed', 'live'],
  live: ['catching-up', 'live', 'live', 'offline', 'sign-in-needed', 'live'],
  offline: ['offline', 'catching-up', 'live', 'offline', 'sign-in-needed', 'live'],
  'sign-in-needed': ['sign-in-needed', 'catching-up', 'live', 'offline', 'sign-in-needed', 'live'],
};

describe('the phase after every event in every phase', () => {
  const cases = PHASES.flatMap((phase) =>
    Object.values(EVENTS).map((event, column) => ({ phase, event, after: TABLE[phase][column] ?? phase })),
  );
  test.each(cases)('$phase, $event.type: $after', ({ phase, event, after }) => {
    expect(advance({ ...INITIAL_PROGRESS, phase }, event).phase).toBe(after);
  });
});

test('an event that changes nothing returns the same object, so that nothing renders again', () => {
  for (const { type } of [EVENTS.answered, EVENTS['caught-up'], EVENTS.unsent, EVENTS.dismissed, EVENTS.remembered]) {
    expect(advance(LIVE, EVENTS[type])).toBe(LIVE);
  }
});

test('the state is refused until the dismissal while connected, and a lost connection takes precedence', () => {
  const refused = advance(LIVE, EVENTS.refused);
  expect(toSyncStatus(refused)).toEqual({
    state: 'refused',
    unsent: 2,
    refused: [EDIT],
    lastSynced: 1_000,
    reason: undefined,
    reasons: [],
  });
  expect(toSyncStatus(advance(refused, EVENTS.interrupted)).state).toBe('offline');
  expect(toSyncStatus(advance(refused, EVENTS['sign-in-needed'])).state).toBe('sign-in-needed');
  expect(toSyncStatus(advance(refused, EVENTS.dismissed)).state).toBe('live');
});

test('a second rejected edit of a preference replaces the first', () => {
  const later = { ...EDIT, value: 'light' };
  const twice = [EVENTS.refused, { type: 'refused', edit: later } as const].reduce(advance, INITIAL_PROGRESS);
  expect(twice.refused).toEqual([later]);
});

test('a follower shows the status of the leader, its own number of unsent edits, and its own platform', () => {
  const led: StatusEvent = {
    type: 'led',
    phase: 'offline',
    refused: [EDIT],
    lastSynced: 3_000,
    connection: 'wrong-url',
    platform: ['database-unavailable'],
  };
  expect(advance({ ...INITIAL_PROGRESS, unsent: 2, platform: ['storage-unavailable'] }, led)).toEqual({
    phase: 'offline',
    unsent: 2,
    refused: [EDIT],
    lastSynced: 3_000,
    connection: 'wrong-url',
    platform: ['storage-unavailable'],
  });
});

test('a reason stays while the next attempt is in progress, so that it does not flicker, until the store is live', () => {
  const steps = [EVENTS.interrupted, EVENTS.begun, EVENTS.answered, EVENTS.interrupted, EVENTS.answered] as const;
  let progress = INITIAL_PROGRESS;
  for (const step of steps) {
    progress = advance(progress, step);
    expect(toSyncStatus(progress).reason).toBe('wrong-url');
  }
  expect(toSyncStatus(advance(progress, EVENTS['caught-up'])).reason).toBeUndefined();
});

test('lists what puts data at risk first, then what stops the sync, then other parts of the browser', () => {
  const progress = { ...LIVE, platform: ['storage-unavailable', 'locks-unavailable'] } as const;
  expect(toSyncStatus(progress)).toMatchObject({
    reason: 'storage-unavailable',
    reasons: ['storage-unavailable', 'locks-unavailable'],
  });
  expect(toSyncStatus(advance(progress, EVENTS.interrupted)).reasons).toEqual([
    'storage-unavailable',
    'wrong-url',
    'locks-unavailable',
  ]);
});

test('a clock that is wrong by more than a minute is the last reason of this tab’s platform, in every tab', () => {
  const progress = { ...LIVE, platform: ['storage-unavailable', 'locks-unavailable'] } as const;
  const wrong = advance(progress, EVENTS.clock);
  expect(toSyncStatus(wrong)).toMatchObject({ state: 'live', reason: 'storage-unavailable' });
  expect(toSyncStatus(wrong).reasons).toEqual(['storage-unavailable', 'locks-unavailable', 'clock-wrong']);
  expect(toSyncStatus(wrong)).not.toHaveProperty('clockOffset');
  for (const offset of [-60_001, 60_001]) {
    expect(toSyncStatus(advance(LIVE, { type: 'clock', offset })).reasons).toEqual(['clock-wrong']);
  }
  for (const offset of [-60_000, 0, 60_000]) {
    expect(toSyncStatus(advance(wrong, { type: 'clock', offset })).reasons).not.toContain('clock-wrong');
  }
  // A follower adopts the leader's offset. An older version of the page sends none.
  expect(advance(LIVE, { ...EVENTS.led, clockOffset: 90_000 }).clockOffset).toBe(90_000);
  expect(advance(wrong, EVENTS.led).clockOffset).toBe(90_000);
});

test('an interruption sets lastSynced to the last activity of a live connection, and of no other', () => {
  const interrupted: StatusEvent = { ...EVENTS.interrupted, lastActivityAt: 9_000 };
  expect(advance(LIVE, interrupted).lastSynced).toBe(9_000);
  expect(advance(LIVE, { ...EVENTS['sign-in-needed'], lastActivityAt: 9_000 }).lastSynced).toBe(9_000);
  for (const phase of PHASES.filter((phase) => phase !== 'live')) {
    expect(advance({ ...LIVE, phase }, interrupted).lastSynced).toBe(1_000);
    expect(advance({ ...INITIAL_PROGRESS, phase }, interrupted).lastSynced).toBeUndefined();
  }
});

test('a remembered time never replaces a later one', () => {
  expect(advance(INITIAL_PROGRESS, EVENTS.remembered).lastSynced).toBe(500);
  expect(advance(LIVE, EVENTS.remembered).lastSynced).toBe(1_000);
  expect(advance(INITIAL_PROGRESS, { type: 'remembered', lastSynced: undefined })).toBe(INITIAL_PROGRESS);
});
