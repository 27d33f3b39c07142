import { z } from 'zod';
import type { Upstream } from '../upstream/client.ts';
import { authorizationOf } from '../upstream/client.ts';
import { SERVER_ADMIN } from '../upstream/schema/security-objects.ts';
import { reasonOf, SetUpError } from '../upstream/setup-error.ts';

/** What a CouchDB says of itself and of us. */
export interface Met {
  readonly version: string;
  readonly name: string | null;
  readonly roles: readonly string[];
  /** Nobody is answered anything without signing in. */
  readonly requiresValidUser: boolean;
  /** Its clock minus ours, in ms, to a second; undefined when it did not tell. */
  readonly clockAhead: number | undefined;
}

const welcomeSchema = z.object({ couchdb: z.string(), version: z.string() });
const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable(), roles: z.array(z.string()) }) });

const OLDEST_MAJOR = 3;
const TIMEOUT = 10_000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

/** Asks who is there. Rejects with a sentence when it is no CouchDB that will do, or does not take our credentials. */
export async function meet(upstream: Pick<Upstream, 'access' | 'fetch'>, now: () => number = Date.now): Promise<Met> {
  const { access } = upstream;
  const headers = { authorization: authorizationOf(access) };
  // First, since at a party credentials of whomever may be refused.
  const nobody = await ask(upstream, '/_session', {});
  const anonymous = sessionSchema.safeParse(nobody.body).data?.userCtx.roles ?? [];
  if (anonymous.includes(SERVER_ADMIN)) throw new SetUpError(PARTY);
  const asked = now();
  const welcome = await ask(upstream, '/', headers);
  const clockAhead = clockOf(welcome.headers.get('date'), (asked + now()) / 2);
  if (welcome.status === 401) {
    throw new SetUpError(
      `CouchDB at ${access.url} refuses COUCHDB_USER ${access.username} with this COUCHDB_PASSWORD; give the credentials of an account that is there.`,
    );
  }
  if (welcome.status === 403) {
    // CouchDB 3.4 and newer, after five wrong passwords.
    throw new SetUpError(
      `CouchDB at ${access.url} lets nobody in as ${access.username} for now: ${reasonIn(welcome.body)}. Wait some minutes, see that COUCHDB_PASSWORD is right, and run this again.`,
    );
  }
  const told = welcomeSchema.safeParse(welcome.body);
  if (!told.success) {
    throw new SetUpError(
      `What answers at ${access.url} is not CouchDB (status ${welcome.status}); see that COUCHDB_URL is right.`,
    );
  }
  const { version } = told.data;
  if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR)) {
    throw new SetUpError(
      `CouchDB at ${access.url} has version ${version}; Pouchgate needs ${OLDEST_MAJOR}.0 or newer.`,
    );
  }
  const own = sessionSchema.safeParse((await ask(upstream, '/_session', headers)).body);
  if (!own.success)
    throw new SetUpError(`CouchDB at ${access.url} does not say who we are; see that COUCHDB_URL is right.`);
  return {
    version,
    ...own.data.userCtx,
    requiresValidUser: nobody.status === 401,
    clockAhead,
  };
}

const PARTY =
  'CouchDB has no administrator, so everybody is one. Give it one in its local.ini, "[admins]" with a line "admin = <a password>", restart it, and run this again with those credentials.';

/** Throws a sentence unless we are the server's administrator. */
export function requireAdmin({ name, roles }: Met, { username }: Upstream['access']): void {
  if (name === username && roles.includes(SERVER_ADMIN)) return;
  throw new SetUpError(
    `${username} is not a server admin of CouchDB, which set-up has to be; give the credentials of one in COUCHDB_USER and COUCHDB_PASSWORD.`,
  );
}

async function ask(
  { access, fetch }: Pick<Upstream, 'access' | 'fetch'>,
  path: string,
  headers: Record<string, string>,
): Promise<Answer> {
  try {
    const answer = await fetch(path, {
      headers: { accept: 'application/json', ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const body: unknown = await answer.json().catch(() => undefined);
    return { status: answer.status, body, headers: answer.headers };
  } catch (error) {
    const cause = causeOf(error);
    throw new SetUpError(
      `Nothing answers at ${access.url}; see that CouchDB runs and that COUCHDB_URL is right. (${reasonOf(cause)})`,
      { cause: error },
    );
  }
}

/** fetch says only that it failed; why is the cause. Not by instanceof: it may be another realm's error. */
const causeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'cause' in error && error.cause !== undefined ? error.cause : error;

const reasonIn = (body: unknown): string =>
  z.object({ reason: z.string() }).safeParse(body).data?.reason ?? 'it does not say why';

/** The Date header has whole seconds, on the average half of one behind. */
function clockOf(date: string | null, asked: number): number | undefined {
  const told = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(told) ? undefined : told + 500 - asked;
}
