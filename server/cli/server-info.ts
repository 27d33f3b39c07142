import { z } from 'zod';
import type { Upstream } from '../upstream/client.ts';
import { authorizationOf } from '../upstream/client.ts';
import { SERVER_ADMIN } from '../upstream/schema/security-objects.ts';
import { errorMessage, SetupError } from '../upstream/setup-error.ts';

/** What a CouchDB says of itself and of us. */
export interface ServerInfo {
  readonly version: string;
  readonly name: string | null;
  readonly roles: readonly string[];
  /** Nobody is answered anything without signing in. */
  readonly requiresValidUser: boolean;
  /** Its clock minus ours, in ms, to a second; undefined when it did not tell. */
  readonly clockOffsetMs: number | undefined;
}

const welcomeSchema = z.object({ couchdb: z.string(), version: z.string() });
const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable(), roles: z.array(z.string()) }) });

const MIN_MAJOR_VERSION = 3;
const REQUEST_TIMEOUT_MS = 10_000;

interface JsonResponse {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

/** Asks who is there. Rejects with a sentence when it is no CouchDB that will do, or does not take our credentials. */
export async function readServerInfo(
  upstream: Pick<Upstream, 'access' | 'fetch'>,
  now: () => number = Date.now,
): Promise<ServerInfo> {
  const { access } = upstream;
  const headers = { authorization: authorizationOf(access) };
  // First, since at a party credentials of whomever may be refused.
  const anonymousResponse = await fetchJson(upstream, '/_session', {});
  const anonymousRoles = sessionSchema.safeParse(anonymousResponse.body).data?.userCtx.roles ?? [];
  if (anonymousRoles.includes(SERVER_ADMIN)) throw new SetupError(ADMIN_PARTY_MESSAGE);
  const requestedAt = now();
  const welcomeResponse = await fetchJson(upstream, '/', headers);
  const clockOffsetMs = readClockOffset(welcomeResponse.headers.get('date'), (requestedAt + now()) / 2);
  if (welcomeResponse.status === 401) {
    throw new SetupError(
      `CouchDB at ${access.url} refuses COUCHDB_USER ${access.username} with this COUCHDB_PASSWORD; give the credentials of an account that is there.`,
    );
  }
  if (welcomeResponse.status === 403) {
    // CouchDB 3.4 and newer, after five wrong passwords.
    throw new SetupError(
      `CouchDB at ${access.url} lets nobody in as ${access.username} for now: ${readReason(welcomeResponse.body)}. Wait some minutes, see that COUCHDB_PASSWORD is right, and run this again.`,
    );
  }
  const parsedWelcome = welcomeSchema.safeParse(welcomeResponse.body);
  if (!parsedWelcome.success) {
    throw new SetupError(
      `What answers at ${access.url} is not CouchDB (status ${welcomeResponse.status}); see that COUCHDB_URL is right.`,
    );
  }
  const { version } = parsedWelcome.data;
  if (!(Number.parseInt(version, 10) >= MIN_MAJOR_VERSION)) {
    throw new SetupError(
      `CouchDB at ${access.url} has version ${version}; Pouchgate needs ${MIN_MAJOR_VERSION}.0 or newer.`,
    );
  }
  const session = sessionSchema.safeParse((await fetchJson(upstream, '/_session', headers)).body);
  if (!session.success)
    throw new SetupError(`CouchDB at ${access.url} does not say who we are; see that COUCHDB_URL is right.`);
  return {
    version,
    ...session.data.userCtx,
    requiresValidUser: anonymousResponse.status === 401,
    clockOffsetMs,
  };
}

const ADMIN_PARTY_MESSAGE =
  'CouchDB has no administrator, so everybody is one. Give it one in its local.ini, "[admins]" with a line "admin = <a password>", restart it, and run this again with those credentials.';

/** Throws a sentence unless we are the server's administrator. */
export function requireAdmin({ name, roles }: ServerInfo, { username }: Upstream['access']): void {
  if (name === username && roles.includes(SERVER_ADMIN)) return;
  throw new SetupError(
    `${username} is not a server admin of CouchDB, which set-up has to be; give the credentials of one in COUCHDB_USER and COUCHDB_PASSWORD.`,
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
    return { status: response.status, body, headers: response.headers };
  } catch (error) {
    const cause = causeOf(error);
    throw new SetupError(
      `Nothing answers at ${access.url}; see that CouchDB runs and that COUCHDB_URL is right. (${errorMessage(cause)})`,
      { cause: error },
    );
  }
}

/** fetch says only that it failed; why is the cause. Not by instanceof: it may be another realm's error. */
const causeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'cause' in error && error.cause !== undefined ? error.cause : error;

const readReason = (body: unknown): string =>
  z.object({ reason: z.string() }).safeParse(body).data?.reason ?? 'it does not say why';

/** The Date header has whole seconds, on the average half of one behind. */
function readClockOffset(date: string | null, requestedAt: number): number | undefined {
  const serverTime = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(serverTime) ? undefined : serverTime + 500 - requestedAt;
}
