import { decodeSubject, escapeSubject } from '../../../couchdb-design/user-document/user-document.ts';
import type { UserPreferencesResponse } from '../../contract.ts';
import { HttpError } from '../../http/errors.ts';
import type { Session } from '../../identity/sessions/state.ts';
import { createPreferencesResponse } from '../../preferences/response.ts';
import { mergeLeaves, parseLeaf, type StoredLeaves } from '../../preferences/read-leaves.ts';
import { hasPassword } from './account-document.ts';
import { activeSessions, userStateOf, type UserData, type UserState } from './load-user.ts';
import type { AnyPreferences, AnyPreferenceRules } from '../load-schema.ts';
import { escapeControlCharacters, formatTable } from '../table.ts';

/** The output of `show --json`. Times are ISO 8601 in UTC. */
export interface UserReport {
  readonly username: string;
  readonly state: UserState;
  /** When it was suspended or erased. */
  readonly since: string | null;
  /** Whether the user can sign in with a password. */
  readonly account: boolean;
  /** The signed-in devices, the last used first. */
  readonly sessions: readonly SessionReport[];
  readonly document: DocumentReport | null;
}

export interface SessionReport {
  readonly id: string;
  readonly device: string;
  readonly createdAt: string;
  readonly refreshedAt: string;
  readonly expiresAt: string;
}

export type DocumentReport =
  | {
      /** The values that were set. The defaults apply to the others. */
      readonly preferences: AnyPreferences;
      /** The stored preferences that the schema does not know or whose values it does not accept. No interface shows them. */
      readonly hidden: readonly string[];
      /** For each preference, the time, source and device of its last edit, also of its removal. */
      readonly edits: UserPreferencesResponse['edits'];
      /** The number of unresolved conflicts, which are merged in the preferences. */
      readonly conflicts: number;
      readonly createdAt: string;
      readonly updatedAt: string;
    }
  | { readonly unreadable: string };

const toIsoString = (time: number): string => new Date(time).toISOString();

/** Reports a user as `show` does, at the time `now` in ms since 1970. */
export function createUserReport(userData: UserData, rules: AnyPreferenceRules, now: number): UserReport {
  const { username, suspension, account } = userData;
  return {
    username: decodeSubject(username),
    state: userStateOf(suspension),
    since: suspension?.erasedAt ?? suspension?.since ?? null,
    account: account !== undefined && hasPassword(account),
    sessions: activeSessions(userData, now).map(createSessionReport),
    document: createDocumentReport(userData.document, rules),
  };
}

/** A session without its secrets, with times in ISO 8601. */
export const createSessionReport = ({ id, device, createdAt, refreshedAt, expiresAt }: Session): SessionReport => ({
  id,
  device,
  createdAt: toIsoString(createdAt),
  refreshedAt: toIsoString(refreshedAt),
  expiresAt: toIsoString(expiresAt),
});

/** Returns null if there is no document. */
export function createDocumentReport({ live }: StoredLeaves, rules: AnyPreferenceRules): DocumentReport | null {
  try {
    const [first, ...others] = live.map((leaf) => parseLeaf(leaf, rules.readUserDocument));
    if (first === undefined) return null;
    const stored = mergeLeaves([first, ...others]);
    const document = rules.show(stored);
    const { edits, updatedAt } = createPreferencesResponse({ document }, rules);
    const { preferences, created_at: createdAt } = document;
    const hidden = Object.keys(stored.preferences).filter((key) => !Object.hasOwn(preferences, key));
    return { preferences, hidden, edits, conflicts: others.length, createdAt, updatedAt };
  } catch (error) {
    if (error instanceof HttpError) return { unreadable: error.message };
    throw error;
  }
}

/** The output of `show` for people, line by line. */
export function formatUserReport(user: UserReport): string[] {
  const { username, state, since, account, sessions, document } = user;
  const sinceText = since === null ? '' : ` since ${since}`;
  const lines = [`${escapeSubject(username)} is ${state}${state === 'active' ? '' : sinceText}.`];
  lines.push(account ? 'Signs in with a password.' : 'Has no password here.', '');
  lines.push(sessions.length === 0 ? 'No device is signed in.' : 'Signed-in devices:');
  if (sessions.length > 0) {
    const rows = sessions.map(({ device, refreshedAt, createdAt }) => [
      escapeControlCharacters(device),
      refreshedAt,
      createdAt,
    ]);
    lines.push(...formatTable(['DEVICE', 'LAST SEEN', 'SIGNED IN'], rows));
  }
  lines.push('', ...formatDocumentReport(document));
  return lines;
}

function formatDocumentReport(document: DocumentReport | null): string[] {
  if (document === null) return ['There is no preferences document.'];
  if ('unreadable' in document)
    return [`The preferences document cannot be read: ${escapeControlCharacters(document.unreadable)}`];
  const { preferences, hidden, edits, conflicts } = document;
  const values = new Map<string, unknown>(Object.entries(preferences));
  const rows = [...new Set([...values.keys(), ...Object.keys(edits)])].sort().map((key) => {
    const { at = 'never edited', by = '', device = '' } = edits[key] ?? {};
    return [
      key,
      values.has(key) ? escapeControlCharacters(JSON.stringify(values.get(key))) : 'removed',
      at,
      by,
      device,
    ];
  });
  const hiddenLines =
    hidden.length === 0
      ? []
      : [`Stored, but not accepted by the schema: ${hidden.map(escapeControlCharacters).join(', ')}.`];
  if (rows.length === 0) return [...hiddenLines, 'No preference was ever changed. All defaults apply.'];
  const conflictLines =
    conflicts === 0 ? [] : [`Includes ${conflicts} unresolved ${conflicts === 1 ? 'conflict' : 'conflicts'}, merged.`];
  return [
    ...formatTable(['PREFERENCE', 'VALUE', 'CHANGED', 'BY', 'DEVICE'], rows),
    ...conflictLines,
    ...hiddenLines,
    'The defaults apply to all other preferences.',
  ];
}
