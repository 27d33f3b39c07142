import { Counter, Gauge, Registry } from 'prom-client';
import type { MetricValues } from '../observability/metrics.ts';
import { MergedMetrics } from './merged-metrics.ts';

/** Resolves with the metrics of a worker, or with `undefined` if it does not respond in time. */
export type CollectMetrics = () => Promise<MetricValues | undefined>;

/** The metrics of a group of workers, for `startMetricsServer`. A worker that does not respond delays a scrape by some seconds at most. */
export class GroupMetrics {
  readonly #collectors = new Map<number, CollectMetrics>();
  readonly #merged = new MergedMetrics();
  readonly #registry = new Registry();
  readonly #workers = new Gauge({
    name: 'pouchgate_workers',
    help: 'Worker processes that have responded to the scrape. WORKERS is their number in normal operation.',
    registers: [this.#registry],
  });
  readonly #restarts = new Counter({
    name: 'pouchgate_worker_restarts_total',
    help: 'Worker processes that have exited unexpectedly, each followed by a restart.',
    registers: [this.#registry],
  });

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Adds a worker that serves requests. */
  add(worker: number, collect: CollectMetrics): void {
    this.#collectors.set(worker, collect);
  }

  /** Stores the last metrics of a worker that is about to exit. */
  update(worker: number, values: MetricValues): void {
    this.#merged.update(worker, values);
  }

  /** Removes a worker that has exited. What it has counted is kept. */
  remove(worker: number): void {
    this.#collectors.delete(worker);
    this.#merged.onExit(worker);
  }

  countRestart(): void {
    this.#restarts.inc();
  }

  /** Collects the metrics of all workers. Resolves with one text in the Prometheus format. */
  async render(): Promise<string> {
    const responding = new Set<number>();
    await Promise.all(
      [...this.#collectors].map(async ([worker, collect]) => {
        const values = await collect();
        // It may have exited in the meantime.
        if (values === undefined || !this.#collectors.has(worker)) return;
        responding.add(worker);
        this.#merged.update(worker, values);
      }),
    );
    this.#workers.set(responding.size);
    return this.#merged.render(responding, await this.#registry.getMetricsAsJSON());
  }
}
