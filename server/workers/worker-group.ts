import type { Logger } from 'pino';
import type { DemoUser } from '../app/demo-user.ts';
import type { Config } from '../config/config.ts';
import type { RunningEngine } from '../upstream/embedded/engine-process.ts';
import { GroupMetrics } from './group-metrics.ts';
import type { WorkerRole } from './messages.ts';
import { SharedCounters } from './shared-counters.ts';
import {
  createSupervisor,
  supervise,
  type SupervisorAction,
  type SupervisorEvent,
  type SupervisorOutcome,
  type SupervisorState,
} from './supervisor.ts';
import { WorkerProcess, type WorkerExit } from './worker-process.ts';

export interface WorkerGroupOptions {
  readonly config: Pick<Config, 'port' | 'workers' | 'drainLeadSeconds' | 'drainSeconds'>;
  readonly log: Pick<Logger, 'info' | 'error'>;
  readonly engine: RunningEngine | undefined;
}

export interface StartedGroup {
  readonly url: string;
  readonly demo: DemoUser | undefined;
}

/** How much longer than its drain a worker may take to exit, in ms: ten seconds for requests in progress, and some for the rest. */
const STOP_GRACE_MS = 20_000;

/** The worker processes of one server. `supervisor.ts` decides which of them are started and stopped. */
export class WorkerGroup {
  readonly metrics = new GroupMetrics();
  readonly #options: WorkerGroupOptions;
  readonly #processes = new Map<number, WorkerProcess>();
  readonly #counters = new SharedCounters();
  #state: SupervisorState;
  #started: StartedGroup | undefined;
  #onStarted: (started: StartedGroup) => void = () => undefined;
  #onFinished: () => void = () => undefined;
  /** Why the server could not start. */
  #startError: string | undefined;
  #exitCode = 0;

  constructor(options: WorkerGroupOptions) {
    this.#options = options;
    this.#state = createSupervisor(options.config.workers);
  }

  /**
   * Starts the workers. Calls `onStarted` once all of them serve requests.
   *
   * @returns The exit code, once all have exited after a stop.
   * @throws Error if one of them could not start at first.
   */
  async run(onStarted: (started: StartedGroup) => void): Promise<number> {
    this.#onStarted = onStarted;
    await new Promise<void>((resolve) => {
      this.#onFinished = resolve;
      this.#handle({ type: 'begin' });
    });
    if (this.#startError !== undefined) throw new Error(this.#startError);
    return this.#exitCode;
  }

  /** Stops all workers. */
  stop(): void {
    this.#handle({ type: 'stop' });
  }

  /** Ends the drain lead time of workers that are being stopped. */
  endDrainLead(): void {
    for (const process of this.#processes.values()) process.endDrainLead();
  }

  /** Kills all workers that a stop has not ended yet. */
  kill(): void {
    for (const process of this.#processes.values()) process.killAfter(0);
  }

  /** Replaces all workers, one after the other. Has no effect while the server stops. */
  replaceAll(): void {
    if (this.#state.phase === 'running') this.#options.log.info('Replacing the workers.');
    this.#handle({ type: 'replace-all' });
  }

  #handle(event: SupervisorEvent): void {
    const { state, actions } = supervise(this.#state, event, performance.now());
    this.#state = state;
    for (const action of actions) this.#perform(action);
  }

  #perform(action: SupervisorAction): void {
    const { drainLeadSeconds, drainSeconds } = this.#options.config;
    const drainMs = drainSeconds * 1000 + STOP_GRACE_MS;
    switch (action.type) {
      case 'start':
        this.#start(action.id, action.slot);
        break;
      case 'drain':
        this.#processes.get(action.id)?.stop(true, drainMs);
        break;
      case 'stop':
        this.#processes.get(action.id)?.stop(false, drainLeadSeconds * 1000 + drainMs);
        break;
      case 'schedule-restart':
        this.metrics.countRestart();
        setTimeout(() => this.#handle({ type: 'restart-due', slot: action.slot }), action.delayMs);
        break;
      case 'report':
        this.#report(action.outcome);
    }
  }

  #start(id: number, slot: number): void {
    const { log, engine, config } = this.#options;
    const process: WorkerProcess = new WorkerProcess({
      role: createRole(id, slot, engine),
      port: config.port,
      onReady: (started) => {
        this.#started ??= started;
        this.metrics.add(id, () => process.collectMetrics());
        log.info({ worker: slot, workerPid: process.pid }, 'A worker is ready.');
        this.#handle({ type: 'ready', id });
      },
      onExit: (exit) => this.#onExit(id, exit),
      onMetrics: (values) => this.metrics.update(id, values),
      onCount: (call) => this.#counters.apply(call),
      onHung: () =>
        log.error({ worker: slot, workerPid: process.pid }, 'A worker has not responded for a minute. It is killed.'),
    });
    this.#processes.set(id, process);
  }

  #onExit(id: number, { code, signal, sentence }: WorkerExit): void {
    const worker = this.#state.workers.find((each) => each.id === id);
    const workerPid = this.#processes.get(id)?.pid;
    this.#processes.delete(id);
    this.metrics.remove(id);
    const { phase } = this.#state;
    if (phase === 'stopping' && code !== 0) this.#exitCode = 1;
    if (phase === 'starting' && worker?.phase === 'starting')
      this.#startError = sentence ?? `A worker did not start. Its process exited with ${signal ?? `code ${code}`}.`;
    else if (phase !== 'stopping' && worker?.phase !== 'draining') {
      const details = { worker: worker?.slot, workerPid, code, signal, reason: sentence };
      this.#options.log.error(details, 'A worker has exited unexpectedly.');
    }
    this.#handle({ type: 'exited', id });
  }

  #report(outcome: SupervisorOutcome): void {
    const { log } = this.#options;
    switch (outcome) {
      case 'started':
        if (this.#started !== undefined) this.#onStarted(this.#started);
        break;
      case 'start-failed':
        break;
      case 'replaced':
        log.info('All workers are replaced.');
        break;
      case 'replacement-failed':
        log.error('A new worker could not start. The others keep serving.');
        break;
      case 'finished':
        this.#onFinished();
    }
  }
}

const createRole = (id: number, slot: number, engine: RunningEngine | undefined): WorkerRole => ({
  number: slot,
  createsDemoUser: id === 1,
  engine: engine === undefined ? undefined : { ...engine.access, jwtSecret: engine.jwtSecret.toString('base64') },
});
