import { z } from 'zod';
import { authorizationOf, type Upstream } from '../upstream/client.ts';
import { createLoginError, parseSession, type UpstreamAccount } from '../upstream/connect.ts';
import { SERVER_ADMIN } from '../upstream/schema/security-objects.ts';
import { errorMessage, SetupError } from '../upstream/setup-error.ts';

/** What a CouchDB reports about itself, and the account that it takes our credentials for. */
export interface ServerInfo extends UpstreamAccount {
  readonly version: string;
  /** Whether it rejects every anonymous request. */
  readonly requiresValidUser: boolean;
}

export interface ServerInfoOptions {
  /** The prefix of the environment variables that hold the credentials, for error messages. Default: `COUCHDB`. */
  readonly variables?: 'COUCHDB' | 'COUCHDB_ADMIN';
}

const welcomeSchema = z.object({ couchdb: z.string(), version: z.string() });

const MIN_MAJOR_VERSION = 3;
const REQUEST_TIMEOUT_MS = 10_000;

interface JsonResponse {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Reads a server's version and account.
 *
 * @throws {SetupError} A sentence, if the server is not a CouchDB 3, has no administrator, does not respond within 10 s, or
 * rejects the credentials.
 */
export async function readServerInfo(
  upstream: Pick<Upstream, 'access' | 'fetch'>,
  { variables = 'COUCHDB' }: ServerInfoOptions = {},
): Promise<ServerInfo> {
  const { access } = upstream;
  const headers = { authorization: authorizationOf(access) };
  // First, because a server without an administrator may reject any credentials.
  const anonymousResponse = await fetchJson(upstream, '/_session', {});
  const anonymousRoles = parseSession(anonymousResponse.body)?.roles ?? [];
  if (anonymousRoles.includes(SERVER_ADMIN)) throw new SetupError(ADMIN_PARTY_MESSAGE);
  const { status, body } = await fetchJson(upstream, '/', headers);
  const loginError = createLoginError(status, readReason(body), {
    server: `CouchDB at ${access.url}`,
    credentials: `${variables}_USER ${access.username} with this ${variables}_PASSWORD`,
    password: `${variables}_PASSWORD`,
  });
  if (loginError !== undefined) throw loginError;
  const { version } = parseWelcome(access.url, status, body);
  const account = parseSession((await fetchJson(upstream, '/_session', headers)).body);
  if (account === undefined) {
    throw new SetupError(`CouchDB at ${access.url} does not return a session. Check COUCHDB_URL.`);
  }
  return { version, ...account, requiresValidUser: anonymousResponse.status === 401 };
}

function parseWelcome(url: string, status: number, body: unknown): z.infer<typeof welcomeSchema> {
  const { data } = welcomeSchema.safeParse(body);
  if (data === undefined) {
    throw new SetupError(`The server at ${url} is not CouchDB (status ${status}). Check COUCHDB_URL.`);
  }
  if (Number.parseInt(data.version, 10) >= MIN_MAJOR_VERSION) return data;
  throw new SetupError(
    `CouchDB at ${url} has version ${data.version}; Pouchgate needs ${MIN_MAJOR_VERSION}.0 or newer.`,
  );
}

const ADMIN_PARTY_MESSAGE =
  'CouchDB has no administrator, so every client is one. Add one to its local.ini, "[admins]" with a line "admin = <a password>", restart it, and run this again with those credentials.';

/** Throws a SetupError unless the account is a server admin. */
export function requireAdmin({ name, roles }: ServerInfo, { username }: Upstream['access']): void {
  if (name === username && roles.includes(SERVER_ADMIN)) return;
  throw new SetupError(
    `${username} is not a server admin of CouchDB. Set-up requires one; set COUCHDB_USER and COUCHDB_PASSWORD to its credentials.`,
  );
}

async function fetchJson(
  { access, fetch }: Pick<Upstream, 'access' | 'fetch'>,
  path: string,
  headers: Record<string, string>,
): Promise<JsonResponse> {
  try {
    const response = await fetch(path, {
      headers: { accept: 'application/json', ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const body: unknown = await response.json().catch(() => undefined);
    return { status: response.status, body };
  } catch (error) {
    throw new SetupError(
      `No response from ${access.url}. Check that CouchDB is running and that COUCHDB_URL is right. (${errorMessage(causeOf(error))})`,
      { cause: error },
    );
  }
}

/** `fetch` reports only that it failed; `cause` has the reason. Not by instanceof: the error may be of another realm. */
const causeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'cause' in error && error.cause !== undefined ? error.cause : error;

const readReason = (body: unknown): string =>
  z.object({ reason: z.string() }).safeParse(body).data?.reason ?? 'no reason given';
