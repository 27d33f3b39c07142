/**
 * Sums a metric of Prometheus text format over all its lines, or over those that contain `label`. Returns `undefined`
 * if there is no such line. https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function sumMetric(text: string, name: string, label = ''): number | undefined {
  const values = text.split('\n').flatMap((line) => {
    if (!line.startsWith(`${name} `) && !line.startsWith(`${name}{`)) return [];
    return line.includes(label) ? [Number(line.slice(line.lastIndexOf(' ') + 1))] : [];
  });
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
