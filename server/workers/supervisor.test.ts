import fc from 'fast-check';
import {
  createSupervisor,
  MAX_RESTART_DELAY_MS,
  MIN_RESTART_DELAY_MS,
  supervise,
  WORKING_AFTER_MS,
  type SupervisorAction,
  type SupervisorEvent,
  type SupervisorOutcome,
  type SupervisorState,
} from './supervisor.ts';

/** The processes and timers that the actions start, which the test ends in any order. */
class Run {
  now = 0;
  state: SupervisorState;
  readonly actions: SupervisorAction[] = [];
  /** The slots of scheduled restarts. */
  readonly timers = new Set<number>();

  constructor(count: number) {
    this.state = createSupervisor(count);
    this.send({ type: 'begin' });
  }

  /** Applies an event. Returns its actions. */
  send(event: SupervisorEvent): readonly SupervisorAction[] {
    if (event.type === 'restart-due') this.timers.delete(event.slot);
    const step = supervise(this.state, event, this.now);
    this.state = step.state;
    for (const action of step.actions) if (action.type === 'schedule-restart') this.timers.add(action.slot);
    this.actions.push(...step.actions);
    return step.actions;
  }

  /** The ids of the workers in a phase. */
  ids(...phases: SupervisorState['workers'][number]['phase'][]): number[] {
    return this.state.workers.filter(({ phase }) => phases.includes(phase)).map(({ id }) => id);
  }

  /** The outcomes so far. */
  get outcomes(): SupervisorOutcome[] {
    return this.actions.flatMap((action) => (action.type === 'report' ? [action.outcome] : []));
  }

  /** Lets every worker start, every stopped one exit and every timer elapse until nothing is pending. */
  settle(): void {
    for (;;) {
      const [starting] = this.ids('starting');
      const [stopped] =
        this.state.phase === 'stopping' ? this.ids('starting', 'ready', 'draining') : this.ids('draining');
      const [timer] = this.timers;
      if (stopped !== undefined) this.send({ type: 'exited', id: stopped });
      else if (starting !== undefined) this.send({ type: 'ready', id: starting });
      else if (timer !== undefined) this.send({ type: 'restart-due', slot: timer });
      else return;
    }
  }
}

const startedRun = (count: number): Run => {
  const run = new Run(count);
  run.settle();
  return run;
};

test('the first worker starts alone, the others once it is ready, and the start is reported once all are', () => {
  const run = new Run(3);
  expect(run.actions).toEqual([{ type: 'start', id: 1, slot: 1 }]);
  expect(run.send({ type: 'ready', id: 1 })).toEqual([
    { type: 'start', id: 2, slot: 2 },
    { type: 'start', id: 3, slot: 3 },
  ]);
  expect(run.send({ type: 'ready', id: 3 })).toEqual([]);
  expect(run.send({ type: 'ready', id: 2 })).toEqual([{ type: 'report', outcome: 'started' }]);
});

test('a worker that does not start at first stops the others', () => {
  const run = new Run(3);
  run.send({ type: 'ready', id: 1 });
  expect(run.send({ type: 'exited', id: 2 })).toEqual([
    { type: 'report', outcome: 'start-failed' },
    { type: 'stop', id: 1 },
    { type: 'stop', id: 3 },
  ]);
  run.settle();
  expect(run.outcomes).toEqual(['start-failed', 'finished']);
});

test('a worker that exits is restarted immediately, and then after growing delays until one works for a minute', () => {
  const run = startedRun(2);
  const exitOf = (id: number): number => {
    const scheduled = run.send({ type: 'exited', id }).find(({ type }) => type === 'schedule-restart');
    if (scheduled?.type !== 'schedule-restart') throw new Error('no restart was scheduled');
    run.settle();
    return scheduled.delayMs;
  };
  const newestId = (): number => Math.max(...run.ids('ready'));
  const delays = [exitOf(2), ...Array.from({ length: 8 }, () => exitOf(newestId()))];
  expect(delays).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  run.now += WORKING_AFTER_MS;
  expect(exitOf(newestId())).toBe(0);
});

test('workers are replaced one after the other, each once its successor is ready', () => {
  const run = startedRun(2);
  expect(run.send({ type: 'replace-all' })).toEqual([{ type: 'start', id: 3, slot: 1 }]);
  expect(run.send({ type: 'ready', id: 3 })).toEqual([{ type: 'drain', id: 1 }]);
  expect(run.send({ type: 'exited', id: 1 })).toEqual([{ type: 'start', id: 4, slot: 2 }]);
  expect(run.send({ type: 'ready', id: 4 })).toEqual([{ type: 'drain', id: 2 }]);
  expect(run.send({ type: 'exited', id: 2 })).toEqual([{ type: 'report', outcome: 'replaced' }]);
});

test('if a new worker does not start, the old ones keep serving', () => {
  const run = startedRun(2);
  run.send({ type: 'replace-all' });
  expect(run.send({ type: 'exited', id: 3 })).toEqual([{ type: 'report', outcome: 'replacement-failed' }]);
  run.settle();
  expect(run.ids('ready')).toEqual([1, 2]);
});

test('a stop also stops workers that are starting or that are being replaced', () => {
  const run = startedRun(2);
  run.send({ type: 'replace-all' });
  run.send({ type: 'ready', id: 3 });
  run.send({ type: 'exited', id: 2 });
  run.send({ type: 'restart-due', slot: 2 });
  expect(run.send({ type: 'stop' })).toEqual([1, 3, 4].map((id) => ({ type: 'stop', id })));
  run.settle();
  expect(run.outcomes).toEqual(['started', 'finished']);
});

type Chance = 'ready' | 'exit' | 'due' | 'replace-all' | 'stop' | 'time';

/** One possible event of the kind, or `undefined` if none is possible now. */
function eventOf(run: Run, chance: Chance, pick: number): SupervisorEvent | undefined {
  const choose = <T>(values: readonly T[]): T | undefined => values[pick % values.length];
  switch (chance) {
    case 'ready': {
      const id = choose(run.ids('starting'));
      return id === undefined ? undefined : { type: 'ready', id };
    }
    case 'exit': {
      const id = choose(run.ids('starting', 'ready', 'draining'));
      return id === undefined ? undefined : { type: 'exited', id };
    }
    case 'due': {
      const slot = choose([...run.timers]);
      return slot === undefined ? undefined : { type: 'restart-due', slot };
    }
    case 'time':
      run.now += pick;
      return undefined;
    default:
      return { type: chance };
  }
}

const history = fc.array(
  fc.tuple(fc.constantFrom<Chance>('ready', 'ready', 'exit', 'due', 'replace-all', 'stop', 'time'), fc.nat(100_000)),
  { maxLength: 60 },
);

test('in any order of events: at most one more process, no drain without a successor, no start after a stop', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 4 }), history, (count, events) => {
      const run = new Run(count);
      for (const [chance, pick] of events) {
        const before = run.state;
        const event = eventOf(run, chance, pick);
        if (event === undefined) continue;
        for (const action of run.send(event)) {
          if (action.type === 'start') expect(before.phase).not.toBe('stopping');
          if (action.type === 'schedule-restart') {
            const { delayMs } = action;
            expect(delayMs === 0 || (delayMs >= MIN_RESTART_DELAY_MS && delayMs <= MAX_RESTART_DELAY_MS)).toBe(true);
          }
          if (action.type !== 'drain') continue;
          const drained = run.state.workers.find(({ id }) => id === action.id);
          const successors = run.state.workers.filter(
            ({ slot, phase, id }) => slot === drained?.slot && phase === 'ready' && id > action.id,
          );
          expect(successors).not.toEqual([]);
        }
        expect(run.state.workers.length).toBeLessThanOrEqual(count + 1);
      }
    }),
  );
});

test('after any history, each slot gets one ready worker, newer than the last request to replace all; a stop ends all', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 4 }), history, (count, events) => {
      const run = startedRun(count);
      for (const [chance, pick] of events) {
        const event = chance === 'stop' ? undefined : eventOf(run, chance, pick);
        if (event !== undefined) run.send(event);
      }
      run.settle();
      const idBefore = run.state.nextId;
      run.send({ type: 'replace-all' });
      run.settle();
      expect(run.state.workers.map(({ slot }) => slot).toSorted()).toEqual(
        Array.from({ length: count }, (_, n) => n + 1),
      );
      expect(Math.min(...run.ids('ready'))).toBeGreaterThanOrEqual(idBefore);
      expect(run.outcomes.at(-1)).toBe('replaced');
      run.send({ type: 'stop' });
      run.settle();
      expect(run.outcomes.filter((outcome) => outcome === 'finished')).toHaveLength(1);
      expect(run.state.workers).toEqual([]);
    }),
  );
});
