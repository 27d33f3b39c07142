import type { Logger } from 'pino';
import type { RefusalCounts } from '../http/prepared-refusal.ts';

const INTERVAL_MS = 1_000;

/**
 * Returns a function to call after each refusal. It logs the refusals of each second in one line, and one more line after the
 * first second without any.
 *
 * @param counts - Returns the numbers of refusals since the start.
 * @param log - Receives the lines.
 */
export function createRefusalLog(counts: () => RefusalCounts, log: Pick<Logger, 'warn'>): () => void {
  let logged: RefusalCounts | undefined;
  let timer: NodeJS.Timeout | undefined;
  const report = (): void => {
    const refused = subtract(counts(), logged);
    logged = { ...counts() };
    if (Object.keys(refused).length > 0) {
      log.warn({ refused }, 'Overloaded: requests were refused in the last second.');
      return;
    }
    log.warn('No longer refusing requests.');
    clearInterval(timer);
    timer = undefined;
  };
  return () => {
    timer ??= setInterval(report, INTERVAL_MS).unref();
  };
}

/** Returns the increases by reason, without those of 0. */
const subtract = (counts: RefusalCounts, earlier: RefusalCounts | undefined): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(counts)
      .map(([reason, count]) => [reason, count - (earlier?.[reason as keyof RefusalCounts] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
