/**
 * Measures how much of a processor this process gets: it computes for `cpuMs` of processor time and compares that with the
 * elapsed time. Processes that run beside it make it wait.
 *
 * @param cpuMs how long to compute, in milliseconds of processor time
 * @returns 1 on a quiet machine, and for example 2.5 where five processes share two processors
 */
export function measurePatience(cpuMs = 400): number {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const usedMs = (): number => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  while (usedMs() < cpuMs);
  return Math.max(1, Math.round(((performance.now() - startedAt) / usedMs()) * 10) / 10);
}
