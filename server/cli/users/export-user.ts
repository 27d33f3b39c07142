import { decodeSubject } from '../../../couchdb-design/user-document/user-document.ts';
import { isActive } from '../../identity/sessions/state.ts';
import { suspensionDocumentId } from '../../identity/sessions/document.ts';
import type { UserData, UserState } from './load-user.ts';
import { userStateOf } from './load-user.ts';
import { createDocumentReport, createSessionReport, type DocumentReport, type SessionReport } from './user-report.ts';
import type { AnyPreferenceRules } from '../load-schema.ts';
import { redactSecrets } from '../redact.ts';

/** The output of `export`: everything stored about a user, except secrets that allow a sign-in. */
export interface UserExport {
  readonly format: 'pouchgate-user';
  readonly version: 1;
  readonly exportedAt: string;
  readonly username: string;
  readonly state: UserState;
  /** The document in `_users`, without the password hash. */
  readonly account: unknown;
  readonly suspension: { readonly id: string; readonly since: string | null; readonly erasedAt: string | null } | null;
  /** Includes ended ones. */
  readonly sessions: readonly (SessionReport & { readonly endedAt: string | null; readonly endedBy: string | null })[];
  /** The effective preferences, with the time and source of each last edit. */
  readonly document: DocumentReport | null;
  /** The document as stored: every live leaf. */
  readonly stored: unknown;
  /** The checkpoints of the user's replicators. */
  readonly checkpoints: unknown;
  /** The linked Telegram chats, with the names that Telegram reported. */
  readonly chats: readonly {
    readonly firstName: string;
    readonly telegramName: string | null;
    readonly linkedAt: string;
  }[];
  /** The paths of the fields that are left out. */
  readonly withheld: readonly string[];
}

/** Exports a user at the time `now`, in ms since 1970. */
export function exportUser(userData: UserData, rules: AnyPreferenceRules, now: number): UserExport {
  const { username, account, suspension, document, sessions } = userData;
  const redacted = redactSecrets({
    account: account ?? null,
    stored: document.live.map(({ body }) => body),
    checkpoints: userData.checkpoints ?? null,
  });
  const { account: redactedAccount, stored, checkpoints } = redacted.value as Record<string, unknown>;
  return {
    format: 'pouchgate-user',
    version: 1,
    exportedAt: new Date(now).toISOString(),
    username: decodeSubject(username),
    state: userStateOf(suspension),
    account: redactedAccount,
    suspension:
      suspension === undefined
        ? null
        : {
            id: suspensionDocumentId(username),
            since: suspension.since ?? null,
            erasedAt: suspension.erasedAt ?? null,
          },
    sessions: sessions.map((session) => ({
      ...createSessionReport(session),
      endedAt: session.ended === undefined ? null : new Date(session.ended.at).toISOString(),
      endedBy: session.ended?.by ?? (isActive(session, now) ? null : 'time'),
    })),
    document: createDocumentReport(document, rules),
    stored,
    checkpoints,
    chats: userData.chats.map(({ firstName, telegramName, linkedAt }) => ({
      firstName,
      telegramName: telegramName ?? null,
      linkedAt: new Date(linkedAt).toISOString(),
    })),
    withheld: redacted.withheld,
  };
}
