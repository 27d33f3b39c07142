import cluster, { type Worker } from 'node:cluster';
import type { MetricValues } from '../observability/metrics.ts';
import type { DemoUser } from '../app/demo-user.ts';
import {
  ROLE_VARIABLE,
  type Count,
  type CountCall,
  type PrimaryMessage,
  type WorkerMessage,
  type WorkerRole,
} from './messages.ts';
import { PendingCalls } from './pending-calls.ts';

/** Why a worker has exited. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** What the worker has reported, if it could not start. */
  readonly sentence: string | undefined;
}

export interface WorkerProcessOptions {
  readonly role: WorkerRole;
  /** The port to listen on. The rest of the configuration is inherited with the environment. */
  readonly port: number;
  readonly onReady: (started: { readonly url: string; readonly demo: DemoUser | undefined }) => void;
  readonly onExit: (exit: WorkerExit) => void;
  /** Called with metrics that the worker sends on its own initiative. */
  readonly onMetrics: (metrics: MetricValues) => void;
  readonly onCount: (call: CountCall) => Promise<Count | undefined>;
  /** Called before a worker is killed because it has not responded for a minute. */
  readonly onHung: () => void;
}

/** Bounds the start, in ms. The server itself gives up after half a minute without CouchDB. */
const MAX_START_MS = 120_000;
/** How long a scrape waits for a worker, in ms: longer than the probe of the database, and shorter than Prometheus waits. */
const MAX_METRICS_WAIT_MS = 4_000;
const PING_INTERVAL_MS = 10_000;
/** A worker that has not responded for this long, in ms, is killed: connections and health checks do not reach it any more. */
const MAX_SILENCE_MS = 60_000;

/** A worker process, as the primary sees it. */
export class WorkerProcess {
  readonly #worker: Worker;
  readonly #options: WorkerProcessOptions;
  readonly #metricCalls = new PendingCalls<MetricValues>(MAX_METRICS_WAIT_MS);
  readonly #pingTimer: NodeJS.Timeout;
  #killTimer: NodeJS.Timeout | undefined;
  #lastMessageAt = performance.now();
  #sentence: string | undefined;

  /** Forks the program of `cluster.setupPrimary`. */
  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    this.#worker = cluster.fork({ PORT: options.port, [ROLE_VARIABLE]: JSON.stringify(options.role) });
    this.#worker.on('message', (message: WorkerMessage) => this.#onMessage(message));
    // A message to a worker that is exiting. Its exit follows.
    this.#worker.on('error', () => undefined);
    // 'close' follows the exit of the process and its last message.
    this.#worker.process.once('close', (code: number | null, signal: string | null) => {
      clearTimeout(this.#killTimer);
      clearInterval(this.#pingTimer);
      options.onExit({ code, signal, sentence: this.#sentence });
    });
    this.#pingTimer = setInterval(() => this.#ping(), PING_INTERVAL_MS);
    this.killAfter(MAX_START_MS);
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** Stops the worker: see `Pouchgate.close`. It is killed if it has not exited after `maxMs`. */
  stop(isReplaced: boolean, maxMs: number): void {
    this.#send({ type: 'stop', isReplaced });
    this.killAfter(maxMs);
  }

  endDrainLead(): void {
    this.#send({ type: 'end-drain-lead' });
  }

  /** Resolves with the worker's metrics, or with `undefined` if it does not respond in time. Never rejects. */
  collectMetrics(): Promise<MetricValues | undefined> {
    return this.#metricCalls.call((callId) => this.#send({ type: 'collect-metrics', callId }));
  }

  /** Kills the process in `ms` at the latest. */
  killAfter(ms: number): void {
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#worker.process.kill('SIGKILL'), ms);
  }

  #ping(): void {
    if (performance.now() - this.#lastMessageAt > MAX_SILENCE_MS) {
      this.#options.onHung();
      this.killAfter(0);
    } else this.#send({ type: 'ping' });
  }

  #onMessage(message: WorkerMessage): void {
    this.#lastMessageAt = performance.now();
    switch (message.type) {
      case 'ready':
        clearTimeout(this.#killTimer);
        this.#options.onReady(message);
        break;
      case 'failed':
        this.#sentence = message.sentence;
        break;
      case 'pong':
        break;
      case 'metrics':
        this.#metricCalls.settle(message.callId, message.metrics);
        break;
      case 'last-metrics':
        this.#options.onMetrics(message.metrics);
        break;
      case 'count':
        void this.#count(message.callId, message.call);
    }
  }

  async #count(callId: number, call: CountCall): Promise<void> {
    this.#send({ type: 'counted', callId, count: await this.#options.onCount(call) });
  }

  #send(message: PrimaryMessage): void {
    if (this.#worker.isConnected()) this.#worker.send(message);
  }
}
