import type { Logger } from 'pino';

const INTERVAL_MS = 1_000;

type Counts = Readonly<Record<string, number>>;

/**
 * Returns a function to call after each refusal. It logs the refusals of each second in one line, and one more line after the
 * first second without any.
 *
 * @param counts - Returns the numbers of refused requests and connections since the start, by reason.
 * @param log - Receives the lines.
 */
export function createRefusalLog(counts: () => Counts, log: Pick<Logger, 'warn'>): () => void {
  let logged: Counts = {};
  let timer: NodeJS.Timeout | undefined;
  const report = (): void => {
    const refused = subtract(counts(), logged);
    logged = { ...counts() };
    if (Object.keys(refused).length > 0) {
      log.warn({ refused }, 'Requests or connections were refused in the last second.');
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
const subtract = (counts: Counts, earlier: Counts): Counts =>
  Object.fromEntries(
    Object.entries(counts)
      .map(([reason, count]) => [reason, count - (earlier[reason] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
