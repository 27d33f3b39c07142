import { advance, shownStatus, STARTING, type Phase, type StatusEvent, type SyncProgress } from './status.ts';

const PHASES: readonly Phase[] = ['starting', 'catching-up', 'live', 'offline', 'sign-in-needed'];
const EDIT = { key: 'theme', value: 'dark', reason: 'No.' };

const EVENTS = {
  answered: { type: 'answered' },
  'caught-up': { type: 'caught-up' },
  interrupted: { type: 'interrupted' },
  'sign-in-needed': { type: 'sign-in-needed' },
  unsent: { type: 'unsent', count: 2 },
  refused: { type: 'refused', edit: EDIT },
  dismissed: { type: 'dismissed' },
  led: { type: 'led', phase: 'live', refused: [] },
} as const satisfies Record<StatusEvent['type'], StatusEvent>;

/** Rows: the phase before. Columns: the event, in the order of EVENTS. Cells: the phase after. */
const TABLE: Record<Phase, readonly Phase[]> = {
  starting: ['catching-up', 'live', 'offline', 'sign-in-needed', 'starting', 'starting', 'starting', 'live'],
  'catching-up': [
    'catching-up',
    'live',
    'offline',
    'sign-in-needed',
    'catching-up',
    'catching-up',
    'catching-up',
    'live',
  ],
  live: ['live', 'live', 'offline', 'sign-in-needed', 'live', 'live', 'live', 'live'],
  offline: ['catching-up', 'live', 'offline', 'sign-in-needed', 'offline', 'offline', 'offline', 'live'],
  'sign-in-needed': [
    'catching-up',
    'live',
    'offline',
    'sign-in-needed',
    'sign-in-needed',
    'sign-in-needed',
    'sign-in-needed',
    'live',
  ],
};

describe('every phase after every event', () => {
  const cases = PHASES.flatMap((phase) =>
    Object.values(EVENTS).map((event, column) => ({ phase, event, after: TABLE[phase][column] })),
  );
  test.each(cases)('$phase, $event.type: $after', ({ phase, event, after }) => {
    expect(advance({ ...STARTING, phase }, event).phase).toBe(after);
  });
});

test('an event that changes nothing gives the same object, so that nothing is drawn again', () => {
  const live: SyncProgress = { phase: 'live', unsent: 2, refused: [] };
  for (const event of [EVENTS.answered, EVENTS['caught-up'], EVENTS.unsent, EVENTS.dismissed]) {
    expect(advance(live, event)).toBe(live);
  }
});

test('a refusal is shown while the connection is good, until it is dismissed, and never hides a lost connection', () => {
  const refused = advance({ phase: 'live', unsent: 0, refused: [] }, EVENTS.refused);
  expect(shownStatus(refused)).toEqual({ state: 'refused', unsent: 0, refused: [EDIT] });
  expect(shownStatus(advance(refused, EVENTS.interrupted)).state).toBe('offline');
  expect(shownStatus(advance(refused, EVENTS['sign-in-needed'])).state).toBe('sign-in-needed');
  expect(shownStatus(advance(refused, EVENTS.dismissed))).toEqual({ state: 'live', unsent: 0, refused: [] });
});

test('a second refusal of one preference takes the place of the first', () => {
  const later = { ...EDIT, value: 'light' };
  const twice = [EVENTS.refused, { type: 'refused', edit: later } as const].reduce(advance, STARTING);
  expect(twice.refused).toEqual([later]);
});

test('a tab that is led shows what the leader says, and counts what is unsent by itself', () => {
  const led = advance(
    { phase: 'starting', unsent: 2, refused: [] },
    { type: 'led', phase: 'offline', refused: [EDIT] },
  );
  expect(led).toEqual({ phase: 'offline', unsent: 2, refused: [EDIT] });
});
