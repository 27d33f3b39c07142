import type { Logger } from 'pino';

/** The mistakes in an application's code that are reported. */
export type Mistake = 'authenticate' | 'base' | 'couchdb' | 'schema' | 'upgrade';

/** Reports a mistake in the application's code, at the first request that it affects. */
export type WarnOnce = (mistake: Mistake, sentence: string) => void;

/**
 * Creates the reporter of mistakes. Each kind is reported once, because every request repeats it.
 *
 * @param log - The application's log. Without one, a mistake is reported by `process.emitWarning`, which prints it.
 */
export function createWarnOnce(log: Pick<Logger, 'warn'> | undefined): WarnOnce {
  const reported = new Set<Mistake>();
  return (mistake, sentence) => {
    if (reported.has(mistake)) return;
    reported.add(mistake);
    if (log === undefined) process.emitWarning(sentence, 'PouchgateWarning');
    else log.warn(sentence);
  };
}
