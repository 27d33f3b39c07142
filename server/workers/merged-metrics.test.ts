import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricValues } from '../observability/metrics.ts';
import { MergedMetrics } from './merged-metrics.ts';

/** Returns the metrics of a worker with these numbers, as they arrive at the primary. */
async function valuesOf(numbers: {
  requests: number;
  waiters: number;
  ready: number;
  lag: number;
  seconds: readonly number[];
}): Promise<MetricValues> {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: 'pouchgate_requests_total', help: 'r', labelNames: ['kind'], registers }).inc(
    { kind: 'health' },
    numbers.requests,
  );
  new Gauge({ name: 'pouchgate_waiters', help: 'w', registers }).set(numbers.waiters);
  new Gauge({ name: 'pouchgate_ready', help: 'y', labelNames: ['check'], registers }).set(
    { check: 'upstream' },
    numbers.ready,
  );
  new Gauge({ name: 'nodejs_eventloop_lag_p99_seconds', help: 'l', registers }).set(numbers.lag);
  const histogram = new Histogram({ name: 'pouchgate_delivery_seconds', help: 'd', buckets: [0.1, 1], registers });
  for (const second of numbers.seconds) histogram.observe(second);
  return JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) as MetricValues;
}

const renderAll = async (merged: MergedMetrics, responding: readonly number[]): Promise<string[]> =>
  (await merged.render(new Set(responding), [])).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

const first = () => valuesOf({ requests: 5, waiters: 10, ready: 1, lag: 0.01, seconds: [0.0625, 0.5] });
const second = () => valuesOf({ requests: 7, waiters: 20, ready: 0, lag: 0.2, seconds: [0.0625] });

test('counters, histograms and most gauges are summed; a check passes if it passes everywhere; the lag is the greatest', async () => {
  const merged = new MergedMetrics();
  merged.update(1, await first());
  merged.update(2, await second());
  expect(await renderAll(merged, [1, 2])).toEqual([
    'pouchgate_requests_total{kind="health"} 12',
    'pouchgate_waiters 30',
    'pouchgate_ready{check="upstream"} 0',
    'nodejs_eventloop_lag_p99_seconds 0.2',
    'pouchgate_delivery_seconds_bucket{le="0.1"} 2',
    'pouchgate_delivery_seconds_bucket{le="1"} 3',
    'pouchgate_delivery_seconds_bucket{le="+Inf"} 3',
    'pouchgate_delivery_seconds_sum 0.625',
    'pouchgate_delivery_seconds_count 3',
  ]);
});

test('when a worker has exited, what it has counted is kept, and its gauges are not', async () => {
  const merged = new MergedMetrics();
  merged.update(1, await first());
  merged.update(2, await second());
  merged.onExit(2);
  merged.update(3, await first());
  merged.onExit(3);
  const lines = await renderAll(merged, [1]);
  expect(lines).toContain('pouchgate_requests_total{kind="health"} 17');
  expect(lines).toContain('pouchgate_delivery_seconds_count 5');
  expect(lines).toContain('pouchgate_waiters 10');
  expect(lines).toContain('pouchgate_ready{check="upstream"} 1');
});

test('the counters of a worker that does not respond are its last ones, and its gauges are left out', async () => {
  const merged = new MergedMetrics();
  merged.update(1, await first());
  merged.update(2, await second());
  const lines = await renderAll(merged, [1]);
  expect(lines).toContain('pouchgate_requests_total{kind="health"} 12');
  expect(lines).toContain('pouchgate_waiters 10');
});
