/**
 * The sum of a metric over its labels, in Prometheus' text format; undefined when it is not there.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function metricSum(text: string, name: string): number | undefined {
  const values = text.split('\n').flatMap((line) => {
    if (!line.startsWith(`${name} `) && !line.startsWith(`${name}{`)) return [];
    return [Number(line.slice(line.lastIndexOf(' ') + 1))];
  });
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
