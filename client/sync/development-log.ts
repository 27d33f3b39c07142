/** Writes what is wrong to the console, in development builds. */
import { describeReason } from '../reasons.ts';
import type { StatusReason } from './status-reason.ts';

declare const process: { readonly env: { readonly NODE_ENV?: string } };

const DOCS_URL = 'https://github.com/pouchgate/pouchgate/blob/main/docs/client.md#reasons';

export interface DevelopmentLog {
  /** Logs the reasons that were not logged since the page was loaded. */
  readonly logReasons: (reasons: readonly StatusReason[]) => void;
  /** Logs the first error of `getToken`. */
  readonly logTokenError: (error: unknown) => void;
}

/** Undefined unless `NODE_ENV` is `development`. */
export let developmentLog: DevelopmentLog | undefined;

function createDevelopmentLog(): DevelopmentLog {
  const logged = new Set<string>();
  const logOnce = (key: string, ...texts: readonly unknown[]): void => {
    if (!logged.has(key)) console.warn(...texts);
    logged.add(key);
  };
  return {
    logReasons: (reasons) => {
      for (const reason of reasons) {
        logOnce(reason, `Pouchgate: ${reason}. ${describeReason(reason)} ${DOCS_URL}`);
      }
    },
    logTokenError: (error) => logOnce('getToken', 'Pouchgate: the error of getToken:', error),
  };
}

try {
  // Bundlers replace this expression, and remove the log and its sentences from production builds.
  if (process.env.NODE_ENV === 'development') developmentLog = createDevelopmentLog();
} catch {
  // There is no `process` in a page without a bundler.
}
