import type { ServerScope } from 'nano';
import { z } from 'zod';
import {
  decodeSubject,
  escapeSubject,
  parseStoredUsername,
  parseUsername,
  type Username,
} from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway } from '../../http/errors.ts';
import { parseSessionDocument, parseSuspensionDocumentId } from '../../identity/sessions/document.ts';
import { isActive } from '../../identity/sessions/state.ts';
import { statusOf } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { userStateOf, parseSuspension, type UserState } from './load-user.ts';
import type { Deployment } from '../deployment.ts';
import { shellArgument } from './shell-argument.ts';
import { formatTable } from '../table.ts';

/** The output of `list --json`, `{"users": […], "accountsListed": …}`. */
export interface UserList {
  /** Sorted by name. */
  readonly users: readonly ListedUser[];
  /** If false, unused accounts are missing, because CouchDB rejected the request to list accounts. */
  readonly accountsListed: boolean;
}

export interface ListedUser {
  readonly username: string;
  readonly state: UserState;
  /** Whether there is an account here; null if accounts could not be listed. */
  readonly account: boolean | null;
  /** Whether there is a document of preferences. */
  readonly document: boolean;
  /** The number of signed-in devices. */
  readonly sessions: number;
  /** When a device last renewed its tokens, ISO 8601. A device in use does so within 15 minutes. */
  readonly lastSeenAt: string | null;
}

type ListedUserDraft = { -readonly [K in keyof ListedUser]: ListedUser[K] };

/** Merges accounts, user documents, suspensions and sessions into one list, at the time `now` in ms since 1970. */
export async function listUsers(deployment: Deployment, now: number): Promise<UserList> {
  const { upstream, admin, registry, sessionsDatabase, idPrefix } = deployment;
  const accounts = await listAccounts((admin ?? upstream).couch);
  const users = new Map<Username, ListedUserDraft>();
  const draftFor = (name: Username): ListedUserDraft => {
    const account = accounts === undefined ? null : false;
    const draft = users.get(name) ?? {
      username: decodeSubject(name),
      state: 'active',
      account,
      document: false,
      sessions: 0,
      lastSeenAt: null,
    };
    users.set(name, draft);
    return draft;
  };
  for (const name of accounts ?? []) if (name !== upstream.access.username) draftFor(name).account = true;
  for await (const { id } of iterateRows(upstream.couch, registry, idPrefix, false)) {
    const username = parseStoredUsername(id.slice(idPrefix.length));
    if (username !== undefined) draftFor(username).document = true;
  }
  for await (const { id, doc } of iterateRows(upstream.couch, sessionsDatabase, 'suspended:', true)) {
    const username = parseSuspensionDocumentId(id);
    if (username === undefined || doc === undefined) continue;
    const draft = draftFor(username);
    draft.state = userStateOf(parseSuspension(doc));
    // The remainder of an erased account has no password.
    if (draft.state === 'erased' && draft.account === true) draft.account = false;
  }
  for await (const { doc } of iterateRows(upstream.couch, sessionsDatabase, 'session:', true)) {
    const session = parseSessionDocument(doc);
    if (session === undefined) continue;
    const draft = draftFor(session.username);
    const seenAt = new Date(session.refreshedAt).toISOString();
    if (draft.lastSeenAt === null || seenAt > draft.lastSeenAt) draft.lastSeenAt = seenAt;
    if (isActive(session, now)) draft.sessions += 1;
  }
  const byName = [...users.values()].toSorted((a, b) => (a.username < b.username ? -1 : 1));
  return { users: byName, accountsListed: accounts !== undefined };
}

/** The output of `list` for people, line by line. */
export function formatUserList({ users }: UserList): string[] {
  if (users.length === 0) return ['There are no users yet. Use "add <name>" to create an account.'];
  const rows = users.map(({ username, state, account, document, sessions, lastSeenAt }) => [
    escapeSubject(username),
    state,
    account === null ? '?' : account ? 'yes' : 'no',
    document ? 'yes' : 'no',
    String(sessions),
    lastSeenAt ?? 'never',
  ]);
  const [total, inactive] = [users.length, users.filter(({ state }) => state !== 'active').length];
  return [
    ...formatTable(['NAME', 'STATE', 'ACCOUNT', 'DOCUMENT', 'SESSIONS', 'LAST SEEN'], rows),
    `${total} ${total === 1 ? 'user' : 'users'}, ${inactive} of them suspended or erased.`,
  ];
}

/** Warnings to print with the list. */
export function userListWarnings({ users, accountsListed }: UserList): string[] {
  const reappeared = users.filter(({ state, document }) => state === 'erased' && document);
  return [
    ...reappeared.map(
      ({ username }) =>
        `${escapeSubject(username)} was erased, and has a document again. Run "erase ${shellArgument(username)}" again.`,
    ),
    ...(accountsListed
      ? []
      : ['CouchDB does not list accounts for these credentials, so unused accounts are missing here.']),
  ];
}

const PAGE_SIZE = 1_000;
const rowSchema = z.object({ id: z.string(), doc: z.looseObject({ _id: z.string(), _rev: z.string() }).nullish() });
const pageSchema = z.object({ rows: z.array(rowSchema) });

/** Iterates over the rows whose ids begin with `prefix`, a page per request. */
async function* iterateRows(couch: ServerScope, db: string, prefix: string, withDocuments: boolean) {
  let last: string | undefined;
  for (;;) {
    const from = last === undefined ? { startkey: prefix } : { startkey: last, skip: 1 };
    const range = { ...from, endkey: `${prefix}\ufff0`, limit: PAGE_SIZE, include_docs: withDocuments };
    const response: unknown = await couch
      .use(db)
      .list(range)
      .catch((error: unknown) => {
        throw statusOf(error) === 401 || statusOf(error) === 403 ? error : toUpstreamError(error);
      });
    const page = pageSchema.safeParse(response);
    if (!page.success) throw badGateway(`The database's response about ${db} is invalid.`);
    for (const { id, doc } of page.data.rows) yield { id, doc: doc ?? undefined };
    last = page.data.rows.at(-1)?.id;
    if (page.data.rows.length < PAGE_SIZE || last === undefined) return;
  }
}

const accountSchema = z.object({ name: z.string(), roles: z.array(z.string()), type: z.literal('user') });
const foundSchema = z.object({ docs: z.array(z.unknown()), bookmark: z.string() });

/** Lists the accounts without roles; undefined if CouchDB rejects the request. */
async function listAccounts(couch: ServerScope): Promise<Username[] | undefined> {
  const names: Username[] = [];
  const addName = (document: unknown): void => {
    const account = accountSchema.safeParse(document).data;
    const username = parseUsername(account?.name);
    if (username !== undefined && account?.roles.length === 0) names.push(username);
  };
  try {
    for await (const { doc } of iterateRows(couch, '_users', 'org.couchdb.user:', true)) addName(doc);
    return names;
  } catch (error) {
    if (statusOf(error) !== 401 && statusOf(error) !== 403) throw error;
  }
  // Only server admins may read `_all_docs` of `_users`, but the admins of that database may search it.
  let bookmark: string | undefined;
  for (;;) {
    const body = {
      selector: { type: 'user' },
      fields: ['name', 'roles', 'type'],
      limit: PAGE_SIZE,
      ...(bookmark === undefined ? {} : { bookmark }),
    };
    const response: unknown = await couch
      .request({ db: '_users', path: '_find', method: 'POST', body })
      .catch(() => undefined);
    const found = foundSchema.safeParse(response).data;
    if (found === undefined) return undefined;
    for (const document of found.docs) addName(document);
    if (found.docs.length < PAGE_SIZE) return names;
    bookmark = found.bookmark;
  }
}
