import type nano from 'nano';
import pRetry, { type Options } from 'p-retry';
import { z } from 'zod';
import { statusOf } from './client.ts';
import { errorMessage, SetupError } from './setup-error.ts';

/** The account that the upstream takes a request's credentials for. */
export interface UpstreamAccount {
  /** Null for an anonymous request. */
  readonly name: string | null;
  readonly roles: readonly string[];
}

/** How often and after which delays, in ms, a request to an upstream that is still starting is retried. */
export type StartupRetries = Required<Pick<Options, 'retries' | 'minTimeout' | 'maxTimeout'>>;

/** The delays double from 0.1 s to 5 s, and add up to half a minute. */
const DEFAULT_STARTUP_RETRIES: StartupRetries = { retries: 11, minTimeout: 100, maxTimeout: 5_000 };

const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable(), roles: z.array(z.string()) }) });

/** Parses the body of `GET /_session`. Returns undefined if it is not CouchDB's. */
export const parseSession = (body: unknown): UpstreamAccount | undefined => sessionSchema.safeParse(body).data?.userCtx;

/** How an error names the server and its credentials. */
export interface LoginNames {
  readonly server: string;
  readonly credentials: string;
  readonly password: string;
}

/** The error for a status with which CouchDB rejects credentials; undefined for any other status. */
export function createLoginError(
  status: number | undefined,
  reason: string,
  { server, credentials, password }: LoginNames,
  cause?: unknown,
): SetupError | undefined {
  if (status === 401) {
    return new SetupError(`${server} rejects ${credentials}. Provide the credentials of an existing account.`, {
      cause,
    });
  }
  if (status !== 403) return undefined;
  // CouchDB 3.4 and newer, after five wrong passwords.
  return new SetupError(
    `${server} has locked the account for now (${reason}). Wait some minutes, check ${password}, and try again.`,
    { cause },
  );
}

const LOGIN_NAMES: LoginNames = {
  server: 'CouchDB',
  credentials: 'the configured user name or password (COUCHDB_USER, COUCHDB_PASSWORD)',
  password: 'COUCHDB_PASSWORD',
};

/**
 * Waits until the upstream responds to `GET /_session`.
 *
 * @param retries Default: half a minute in all.
 * @returns The account of `couch`.
 * @throws {SetupError} If the upstream does not respond in time, rejects the credentials, or is not CouchDB.
 */
export const waitForDatabase = (
  couch: nano.ServerScope,
  retries: StartupRetries = DEFAULT_STARTUP_RETRIES,
): Promise<UpstreamAccount> =>
  pRetry(() => readSession(couch), {
    ...retries,
    factor: 2,
    shouldRetry: ({ error: { cause } }) => cause !== undefined && isUnavailable(statusOf(cause)),
  });

const isUnavailable = (status: number | undefined): boolean => status === undefined || status >= 500;

/** Rejects with a SetupError whose cause is the failed request, if there is one. */
async function readSession(couch: nano.ServerScope): Promise<UpstreamAccount> {
  let body: unknown;
  try {
    body = await couch.request({ path: '_session' });
  } catch (error) {
    const status = statusOf(error);
    const loginError = createLoginError(status, errorMessage(error), LOGIN_NAMES, error);
    if (loginError !== undefined) throw loginError;
    if (isUnavailable(status)) {
      throw new SetupError(
        `CouchDB does not respond. Check that it is running and that COUCHDB_URL is right. (${errorMessage(error)})`,
        { cause: error },
      );
    }
    throw new SetupError(`CouchDB responds to GET /_session with status ${status}. Check COUCHDB_URL.`, {
      cause: error,
    });
  }
  const account = parseSession(body);
  if (account !== undefined) return account;
  throw new SetupError(
    'The server at COUCHDB_URL does not respond as CouchDB does. Set it to the address of a CouchDB 3.',
  );
}
