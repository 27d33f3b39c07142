import { setTimeout as pause } from 'node:timers/promises';
import type nano from 'nano';
import { z } from 'zod';
import { statusOf } from './client.ts';
import { errorMessage, SetupError } from './setup-error.ts';

/** As whom the upstream takes us. */
export interface UpstreamAccount {
  /** Null for nobody. */
  readonly name: string | null;
  readonly roles: readonly string[];
}

/** In ms; some half a minute. */
const DEFAULT_RETRY_DELAYS_MS = [100, 200, 400, 800, 1_500, 3_000, 5_000, 5_000, 5_000, 5_000, 5_000];

const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable(), roles: z.array(z.string()) }) });

/** Waits for the upstream to answer, and asks it who we are. Rejects with a sentence for the operator. */
export async function waitForDatabase(
  couch: nano.ServerScope,
  retryDelaysMs: readonly number[] = DEFAULT_RETRY_DELAYS_MS,
): Promise<UpstreamAccount> {
  for (const delayMs of [...retryDelaysMs, undefined]) {
    try {
      const session = sessionSchema.safeParse(await couch.request({ path: '_session' }));
      if (session.success) return session.data.userCtx;
      throw new SetupError('The upstream answers, but not as CouchDB does. Is COUCHDB_URL right?');
    } catch (error) {
      if (error instanceof SetupError) throw error;
      const status = statusOf(error);
      if (status === 401) throw new SetupError('The upstream refuses our user name or password.', { cause: error });
      if (status === 403) {
        // CouchDB 3.4 and newer, after five wrong passwords.
        throw new SetupError(
          `The upstream lets our user in no longer for now (${errorMessage(error)}). Wait some minutes, see that COUCHDB_PASSWORD is right, and start again.`,
          { cause: error },
        );
      }
      if (status !== undefined && status < 500) {
        throw new SetupError(`The upstream answers ${status} to GET /_session. Is COUCHDB_URL right?`, {
          cause: error,
        });
      }
      if (delayMs === undefined)
        throw new SetupError(
          `The upstream does not answer; see that it runs and that its URL is right. (${errorMessage(error)})`,
          { cause: error },
        );
      await pause(delayMs);
    }
  }
  throw new SetupError('The upstream was not asked.');
}
