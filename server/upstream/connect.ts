import { setTimeout as pause } from 'node:timers/promises';
import type nano from 'nano';
import { z } from 'zod';
import { statusOf } from './client.ts';
import { reasonOf, SetUpError } from './setup-error.ts';

/** As whom the upstream takes us. */
export interface UpstreamAccount {
  /** Null for nobody. */
  readonly name: string | null;
  readonly roles: readonly string[];
}

/** In ms; some half a minute. */
const WAITS = [100, 200, 400, 800, 1_500, 3_000, 5_000, 5_000, 5_000, 5_000, 5_000];

const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable(), roles: z.array(z.string()) }) });

/** Waits for the upstream to answer, and asks it who we are. Rejects with a sentence for the operator. */
export async function reach(couch: nano.ServerScope, waits: readonly number[] = WAITS): Promise<UpstreamAccount> {
  for (const wait of [...waits, undefined]) {
    try {
      const session = sessionSchema.safeParse(await couch.request({ path: '_session' }));
      if (session.success) return session.data.userCtx;
      throw new SetUpError('The upstream answers, but not as CouchDB does. Is COUCHDB_URL right?');
    } catch (error) {
      if (error instanceof SetUpError) throw error;
      const status = statusOf(error);
      if (status === 401) throw new SetUpError('The upstream refuses our user name or password.', { cause: error });
      if (status === 403) {
        // CouchDB 3.4 and newer, after five wrong passwords.
        throw new SetUpError(
          `The upstream lets our user in no longer for now (${reasonOf(error)}). Wait some minutes, see that COUCHDB_PASSWORD is right, and start again.`,
          { cause: error },
        );
      }
      if (status !== undefined && status < 500) {
        throw new SetUpError(`The upstream answers ${status} to GET /_session. Is COUCHDB_URL right?`, {
          cause: error,
        });
      }
      if (wait === undefined)
        throw new SetUpError(
          `The upstream does not answer; see that it runs and that its URL is right. (${reasonOf(error)})`,
          { cause: error },
        );
      await pause(wait);
    }
  }
  throw new SetUpError('The upstream was not asked.');
}
