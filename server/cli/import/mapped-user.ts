/** What a mapping returned, checked against the rules that every interface follows. */
import { newSourceDeviceId } from '../../../couchdb-design/user-document/edit-sources.ts';
import { MAX_CLOCK_TIME, nextEditStamp } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { merge } from '../../../couchdb-design/user-document/merge.ts';
import { canonicalCopy } from '../../../couchdb-design/user-document/canonical-json.ts';
import {
  encodeSubject,
  newUserDocument,
  parseUsername,
  type PreferenceSchema,
  type UserDocument,
  type UserDocumentId,
  type Username,
  type Values,
} from '../../../couchdb-design/user-document/user-document.ts';
import { isObject } from '../../lib/json.ts';
import { toImportedSecret, type ImportedSecret } from './password-hash.ts';

/** A member of the source that is not imported. */
export interface LeftOut {
  /** Names only, never values. */
  readonly path: string;
  /** The end of a sentence. */
  readonly reason: string;
}

/** One user as the source has them. */
export interface MappedUser {
  readonly username: Username;
  /** The document that a user who has none gets. */
  readonly document: UserDocument<Values>;
  readonly credentials: ImportedSecret;
  readonly leftOut: readonly LeftOut[];
}

export interface MappingRules {
  readonly schema: Pick<PreferenceSchema, 'findViolation'>;
  readonly idOf: (username: Username) => UserDocumentId;
  /** Whether users sign in here by name and password. Their names are stricter than an identity provider's subjects. */
  readonly hasPasswordSignIn: boolean;
  readonly supportsAllFunctions: boolean;
  /** In ms since 1970. No imported stamp is later. */
  readonly now: number;
}

/**
 * All imports have one device id. So an import that runs again makes the same edits, and is distinguished from edits of users, which
 * it never replaces.
 */
const IMPORT_DEVICE = newSourceDeviceId('import', () => 0);
const MAX_NAME_LENGTH = 100;

/** Returns the user, or the reason why the document is skipped: a sentence without its subject. */
export function toMappedUser(mapped: unknown, rules: MappingRules): MappedUser | string {
  if (!isObject(mapped)) return 'is skipped, because the mapping returned no object';
  const { preferences = {}, createdAt, updatedAt, password, account } = mapped;
  const username = parseName(mapped['username'], rules.hasPasswordSignIn);
  if (username === undefined) {
    return rules.hasPasswordSignIn
      ? 'has a name that no account can have: 1 to 64 lower-case letters, digits and _.@+-, starting with a letter or digit'
      : 'has no name of 1 to 255 characters';
  }
  if (!isObject(preferences)) return 'has preferences that are not an object';
  const leftOut: LeftOut[] = [];
  const timeOf = (name: string, value: unknown): number | undefined => {
    const time = parseTime(value);
    if (time === undefined && value !== undefined && value !== null)
      leftOut.push({ path: name, reason: 'is not a time' });
    return time;
  };
  const [created, updated] = [timeOf('createdAt', createdAt), timeOf('updatedAt', updatedAt)];
  const values = selectPreferences(preferences, rules.schema, leftOut);
  return {
    username,
    document: createDocument(username, values, { created, updated }, rules),
    credentials: toImportedSecret(password, account, rules.supportsAllFunctions),
    leftOut,
  };
}

/**
 * Merges what several documents or revisions of the source contain about one user: the last update of each preference wins, then the
 * greater JSON text, so the order does not matter.
 */
export function mergeUsers(users: readonly [MappedUser, ...MappedUser[]]): MappedUser {
  const [first, ...others] = users;
  const leftOut = new Map(users.flatMap((user) => user.leftOut).map((each) => [JSON.stringify(each), each]));
  return {
    username: first.username,
    document: merge([first.document, ...others.map(({ document }) => document)]),
    credentials:
      users.map(({ credentials }) => credentials).find(({ secret }) => secret !== undefined) ?? first.credentials,
    leftOut: [...leftOut.values()],
  };
}

function parseName(name: unknown, hasPasswordSignIn: boolean): Username | undefined {
  return hasPasswordSignIn ? parseUsername(name) : encodeSubject(name);
}

/** Accepts ISO 8601, a date, and ms since 1970, before the year 9000. */
function parseTime(value: unknown): number | undefined {
  const isTime = typeof value === 'string' || typeof value === 'number' || value instanceof Date;
  const time = isTime && value !== '' ? new Date(value).getTime() : Number.NaN;
  return time >= 0 && time < MAX_CLOCK_TIME ? time : undefined;
}

function selectPreferences(preferences: Values, schema: MappingRules['schema'], leftOut: LeftOut[]): Values {
  const accepted = Object.entries(preferences).filter(([key, value]) => {
    if (value === null || value === undefined) return false;
    const violation = schema.findViolation(key, value);
    if (violation === undefined) return true;
    const path = ['preferences', ...violation.path].map((name) => name.slice(0, MAX_NAME_LENGTH)).join('.');
    leftOut.push({ path, reason: violation.message });
    return false;
  });
  return canonicalCopy(Object.fromEntries(accepted));
}

/**
 * The values have the stamp of the source's last update, so that later edits win. Without that time they have none, so that every
 * edit wins.
 */
function createDocument(
  username: Username,
  preferences: Values,
  { created, updated = created }: { readonly created: number | undefined; readonly updated: number | undefined },
  { idOf, now }: MappingRules,
): UserDocument<Values> {
  const first = newUserDocument<Values>(username, new Date(Math.min(created ?? updated ?? now, now)), idOf(username));
  if (updated === undefined) return { ...first, preferences };
  const stamp = nextEditStamp({ now: Math.min(updated, now), device: IMPORT_DEVICE, seen: undefined });
  const edits = Object.fromEntries(Object.keys(preferences).map((key) => [key, stamp]));
  return { ...first, preferences, edits, updated_at: new Date(Math.min(updated, now)).toISOString() };
}
