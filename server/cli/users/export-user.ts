import { isActive } from '../../identity/sessions/state.ts';
import { suspensionDocumentId } from '../../identity/sessions/document.ts';
import type { UserData, UserState } from './load-user.ts';
import { userStateOf } from './load-user.ts';
import { createDocumentReport, createSessionReport, type DocumentReport, type SessionReport } from './user-report.ts';
import type { AnyPreferenceRules } from './load-schema.ts';
import { redactSecrets } from './redact.ts';

/** What `export` answers: all that is held of a user, but for what could sign anybody in. */
export interface UserExport {
  readonly format: 'pouchgate-user';
  readonly version: 1;
  readonly exportedAt: string;
  readonly username: string;
  readonly state: UserState;
  /** Of `_users`, without its password. */
  readonly account: unknown;
  readonly suspension: { readonly id: string; readonly since: string | null; readonly erasedAt: string | null } | null;
  /** Those that are over too. */
  readonly sessions: readonly (SessionReport & { readonly endedAt: string | null; readonly endedBy: string | null })[];
  /** The preferences as they hold, with when and by which door each was last changed. */
  readonly document: DocumentReport | null;
  /** The document as it lies in the database: every revision that is open. */
  readonly stored: unknown;
  /** Where the user's replicators are. */
  readonly checkpoints: unknown;
  /** Telegram chats that are linked to the user, as Telegram has told of them. */
  readonly chats: readonly {
    readonly firstName: string;
    readonly telegramName: string | null;
    readonly linkedAt: string;
  }[];
  /** The fields that were left out. */
  readonly withheld: readonly string[];
}

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
    username,
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
