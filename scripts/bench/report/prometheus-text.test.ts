import { sumMetric } from './prometheus-text.ts';

const TEXT = `# HELP gate_requests_total Requests.
# TYPE gate_requests_total counter
gate_requests_total{kind="leaves",status="2xx"} 3
gate_requests_total{kind="forward",status="5xx"} 1.5
gate_requests_totally 99
heap_bytes 1e6
`;

it('sums a metric over its labels, without metrics whose name has it as a prefix', () => {
  expect(sumMetric(TEXT, 'gate_requests_total')).toBe(4.5);
  expect(sumMetric(TEXT, 'gate_requests_total', 'kind="leaves"')).toBe(3);
  expect(sumMetric(TEXT, 'heap_bytes')).toBe(1_000_000);
  expect(sumMetric(TEXT, 'gate_requests')).toBeUndefined();
});
