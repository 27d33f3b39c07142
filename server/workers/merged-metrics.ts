import { AggregatorRegistry, type Aggregator, type Registry } from 'prom-client';
import type { MetricValues } from '../observability/metrics.ts';

/**
 * How gauges of several workers become one. A gauge that is not in the list is the sum of all workers: live requests, memory,
 * connections. Counters and histograms are always summed.
 */
const AGGREGATORS: Readonly<Record<string, Aggregator>> = {
  // A check passes if it passes in every worker.
  pouchgate_ready: 'min',
  pouchgate_feed_up: 'min',
  pouchgate_feed_silence_seconds: 'max',
  pouchgate_feed_pending_changes: 'max',
  pouchgate_clock_offset_seconds: 'average',
  // Of the worker that is closest to its limit.
  process_open_fds: 'max',
  process_max_fds: 'min',
  process_start_time_seconds: 'max',
  nodejs_version_info: 'first',
  nodejs_eventloop_lag_seconds: 'max',
  nodejs_eventloop_lag_min_seconds: 'max',
  nodejs_eventloop_lag_max_seconds: 'max',
  nodejs_eventloop_lag_mean_seconds: 'max',
  nodejs_eventloop_lag_stddev_seconds: 'max',
  nodejs_eventloop_lag_p50_seconds: 'max',
  nodejs_eventloop_lag_p90_seconds: 'max',
  nodejs_eventloop_lag_p99_seconds: 'max',
};

/** Returns whether the values only grow, so that they are kept when their worker has exited. */
const isCumulative = ({ type }: MetricValues[number]): boolean =>
  // As text in prom-client; its types declare an enumeration of numbers.
  ['counter', 'histogram'].includes(String(type));

/** The metrics of all workers as those of one server. */
export class MergedMetrics {
  /** The last values of each worker that is running. */
  readonly #values = new Map<number, MetricValues>();
  /** The counters and histograms of all workers that have exited. Without them the sums would fall when one exits. */
  #exited: MetricValues = [];

  /** Stores the current values of a worker. */
  update(worker: number, values: MetricValues): void {
    this.#values.set(worker, values);
  }

  /** Keeps only what a worker has counted until its last update, because it has exited. */
  onExit(worker: number): void {
    const counted = this.#values.get(worker)?.filter(isCumulative) ?? [];
    this.#values.delete(worker);
    // The elements of a merged registry are the metrics with their values.
    this.#exited = merge([this.#exited, counted]).getMetricsAsArray() as MetricValues;
  }

  /**
   * Resolves with all metrics in the Prometheus text format.
   *
   * @param responding - The workers that were updated for this scrape. Of the others only the counters are included.
   * @param own - The metrics of the primary process.
   */
  render(responding: ReadonlySet<number>, own: MetricValues): Promise<string> {
    const current = [...this.#values].map(([worker, values]) =>
      responding.has(worker) ? values : values.filter(isCumulative),
    );
    return merge([...current, this.#exited, own]).metrics();
  }
}

const merge = (lists: readonly MetricValues[]): Registry =>
  AggregatorRegistry.aggregate(
    lists.map((values) =>
      values.map((metric) => ({ ...metric, aggregator: AGGREGATORS[metric.name] ?? metric.aggregator })),
    ),
  );
