/**
 * Decides when worker processes are started and stopped. It is a function of the state, an event and the time; `primary.ts`
 * starts the processes and the timers.
 *
 * Each of the `count` slots has one worker. It has two while a worker is replaced: the old one serves until the new one is ready.
 */

interface Worker {
  /** Unique among all workers of the primary. */
  readonly id: number;
  /** From 1 to the number of workers. */
  readonly slot: number;
  readonly phase: 'starting' | 'ready' | 'draining';
  /** When it was started, in ms. */
  readonly startedAt: number;
  /** Whether it was started before the last request to replace the workers. */
  readonly stale: boolean;
}

interface Slot {
  /** How many workers in a row have exited soon after their start. */
  readonly failures: number;
  /** Whether a restart is scheduled. */
  readonly isWaiting: boolean;
}

export interface SupervisorState {
  /** `starting` until all workers are ready for the first time. */
  readonly phase: 'starting' | 'running' | 'stopping' | 'finished';
  readonly isReplacing: boolean;
  readonly nextId: number;
  readonly workers: readonly Worker[];
  readonly slots: readonly Slot[];
}

export type SupervisorEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'ready'; readonly id: number }
  | { readonly type: 'exited'; readonly id: number }
  /** The time of a scheduled restart has come. */
  | { readonly type: 'restart-due'; readonly slot: number }
  /** All workers are to be replaced by new ones, one after the other. */
  | { readonly type: 'replace-all' }
  | { readonly type: 'stop' };

export type SupervisorAction =
  | { readonly type: 'start'; readonly id: number; readonly slot: number }
  /** Stop a worker that a new one has replaced. */
  | { readonly type: 'drain'; readonly id: number }
  /** Stop a worker together with all others. */
  | { readonly type: 'stop'; readonly id: number }
  | { readonly type: 'schedule-restart'; readonly slot: number; readonly delayMs: number }
  | { readonly type: 'report'; readonly outcome: SupervisorOutcome };

/**
 * - `started`: all workers are ready for the first time.
 * - `start-failed`: one of them was not; the others are stopped.
 * - `replaced`: all workers are newer than the last request to replace them.
 * - `replacement-failed`: a new worker did not start. The old ones keep serving.
 * - `finished`: the last worker has exited after a stop.
 */
export type SupervisorOutcome = 'started' | 'start-failed' | 'replaced' | 'replacement-failed' | 'finished';

export interface SupervisorStep {
  readonly state: SupervisorState;
  readonly actions: readonly SupervisorAction[];
}

/** A worker that has run this long, in ms, counts as working, and is restarted immediately when it exits. */
export const WORKING_AFTER_MS = 60_000;
/** The delay before the second restart in a row, in ms. It doubles with each further one. */
export const MIN_RESTART_DELAY_MS = 500;
export const MAX_RESTART_DELAY_MS = 30_000;

export const createSupervisor = (count: number): SupervisorState => ({
  phase: 'starting',
  isReplacing: false,
  nextId: 1,
  workers: [],
  slots: Array.from({ length: count }, () => ({ failures: 0, isWaiting: false })),
});

/** Returns the next state, and what to do. `now` is the time in ms. Events about unknown workers have no effect. */
export function supervise(state: SupervisorState, event: SupervisorEvent, now: number): SupervisorStep {
  const { state: next, actions } = applyEvent(state, event, now);
  return continuePlan({ state: next, actions: [...actions] }, now);
}

function applyEvent(state: SupervisorState, event: SupervisorEvent, now: number): SupervisorStep {
  switch (event.type) {
    case 'begin':
      return { state, actions: [] };
    case 'ready':
      return { state: setPhase(state, event.id, 'starting', 'ready'), actions: [] };
    case 'exited':
      return applyExit(state, event.id, now);
    case 'restart-due':
      return { state: updateSlot(state, event.slot, { isWaiting: false }), actions: [] };
    case 'replace-all':
      if (state.phase !== 'running') return { state, actions: [] };
      return { state: { ...markAll(state, true), isReplacing: true }, actions: [] };
    case 'stop':
      return stopAll(state);
  }
}

function applyExit(before: SupervisorState, id: number, now: number): SupervisorStep {
  const worker = before.workers.find((each) => each.id === id);
  if (worker === undefined) return { state: before, actions: [] };
  const state = { ...before, workers: before.workers.filter((each) => each !== worker) };
  if (state.phase === 'stopping' || worker.phase === 'draining') return { state, actions: [] };
  if (worker.phase === 'starting' && state.phase === 'starting') {
    const stopped = stopAll(state);
    return { state: stopped.state, actions: [report('start-failed'), ...stopped.actions] };
  }
  if (workersOf(state, worker.slot).length > 0) {
    // The old worker has exited, and the new one is about to be ready.
    if (worker.phase === 'ready') return { state, actions: [] };
    return { state: { ...markAll(state, false), isReplacing: false }, actions: [report('replacement-failed')] };
  }
  return scheduleRestart(state, worker, now);
}

function scheduleRestart(state: SupervisorState, { slot, startedAt }: Worker, now: number): SupervisorStep {
  const failures = now - startedAt >= WORKING_AFTER_MS ? 0 : (state.slots[slot - 1]?.failures ?? 0);
  const delayMs = failures === 0 ? 0 : Math.min(MIN_RESTART_DELAY_MS * 2 ** (failures - 1), MAX_RESTART_DELAY_MS);
  return {
    state: updateSlot(state, slot, { failures: failures + 1, isWaiting: true }),
    actions: [{ type: 'schedule-restart', slot, delayMs }],
  };
}

function stopAll(state: SupervisorState): SupervisorStep {
  if (state.phase === 'stopping' || state.phase === 'finished') return { state, actions: [] };
  return {
    state: { ...state, phase: 'stopping' },
    actions: state.workers.map(({ id }): SupervisorAction => ({ type: 'stop', id })),
  };
}

/** Does everything that is due in this state. */
function continuePlan({ state, actions }: SupervisorStep, now: number): SupervisorStep {
  switch (state.phase) {
    case 'finished':
      return { state, actions };
    case 'stopping':
      if (state.workers.length > 0) return { state, actions };
      return { state: { ...state, phase: 'finished' }, actions: [...actions, report('finished')] };
    case 'starting': {
      // The first worker starts alone: it sets the database up, and an error is reported once.
      const isFirstReady = workersOf(state, 1).some(({ phase }) => phase === 'ready');
      const step = startMissing({ state, actions }, isFirstReady ? state.slots.length : 1, now);
      const isStarted = state.slots.every((_, index) =>
        workersOf(state, index + 1).some(({ phase }) => phase === 'ready'),
      );
      if (!isStarted) return step;
      return { state: { ...step.state, phase: 'running' }, actions: [...step.actions, report('started')] };
    }
    case 'running':
      return continueReplacement(startMissing({ state, actions }, state.slots.length, now), now);
  }
}

/** Starts a worker in each of the first `count` slots that has none. */
function startMissing(step: SupervisorStep, count: number, now: number): SupervisorStep {
  return step.state.slots
    .slice(0, count)
    .reduce<SupervisorStep>(
      (each, { isWaiting }, index) =>
        isWaiting || workersOf(each.state, index + 1).length > 0 ? each : startWorker(each, index + 1, now),
      step,
    );
}

/** One worker is replaced at a time, so there is at most one process more than in normal operation. */
function continueReplacement(step: SupervisorStep, now: number): SupervisorStep {
  const { state, actions } = step;
  if (!state.isReplacing) return step;
  const ready = state.workers.filter(({ phase }) => phase === 'ready');
  const replaced = ready.find(({ id, slot }) => ready.some((other) => other.slot === slot && other.id > id));
  if (replaced !== undefined) {
    return {
      state: setPhase(state, replaced.id, 'ready', 'draining'),
      actions: [...actions, { type: 'drain', id: replaced.id }],
    };
  }
  if (state.workers.some(({ phase }) => phase !== 'ready')) return step;
  const next = state.workers.find(({ stale }) => stale);
  if (next !== undefined) return startWorker(step, next.slot, now);
  return { state: { ...state, isReplacing: false }, actions: [...actions, report('replaced')] };
}

function startWorker({ state, actions }: SupervisorStep, slot: number, startedAt: number): SupervisorStep {
  const id = state.nextId;
  const worker: Worker = { id, slot, phase: 'starting', startedAt, stale: false };
  return {
    state: { ...state, nextId: id + 1, workers: [...state.workers, worker] },
    actions: [...actions, { type: 'start', id, slot }],
  };
}

/** The workers of a slot, without one that is being stopped. */
const workersOf = (state: SupervisorState, slot: number): Worker[] =>
  state.workers.filter((worker) => worker.slot === slot && worker.phase !== 'draining');

const setPhase = (
  state: SupervisorState,
  id: number,
  from: Worker['phase'],
  phase: Worker['phase'],
): SupervisorState => ({
  ...state,
  workers: state.workers.map((worker) => (worker.id === id && worker.phase === from ? { ...worker, phase } : worker)),
});

const markAll = (state: SupervisorState, stale: boolean): SupervisorState => ({
  ...state,
  workers: state.workers.map((worker) => ({ ...worker, stale })),
});

const updateSlot = (state: SupervisorState, slot: number, change: Partial<Slot>): SupervisorState => ({
  ...state,
  slots: state.slots.map((each, index) => (index === slot - 1 ? { ...each, ...change } : each)),
});

const report = (outcome: SupervisorOutcome): SupervisorAction => ({ type: 'report', outcome });
