/**
 * The sum of a metric over its labels, or over those of its lines that have `label`, in Prometheus' text format; undefined
 * when it is not there. https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function sumMetric(text: string, name: string, label = ''): number | undefined {
  const values = text.split('\n').flatMap((line) => {
    if (!line.startsWith(`${name} `) && !line.startsWith(`${name}{`)) return [];
    return line.includes(label) ? [Number(line.slice(line.lastIndexOf(' ') + 1))] : [];
  });
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
