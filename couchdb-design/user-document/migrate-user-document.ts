/**
 * A user document of an older version as one of today's.
 *
 * Version 0 had no `version` and no `edits`. It was checked by nobody, so reading one keeps what is good and drops the
 * rest; and it does so by the document alone, without clock or chance: two devices that upgrade it write the same bytes.
 */
import { USER_DOCUMENT_TYPE, USER_DOCUMENT_VERSION } from './user-document-shape.ts';

type Body = Readonly<Record<string, unknown>>;

/** The first of these that is a time of a year with four digits, as ISO 8601. */
const firstIsoTime = (...values: readonly unknown[]): string =>
  [...values, 0].map((value) => new Date((value ?? NaN) as string).toJSON()).find((time) => /^\d{4}-/.test(time)) ?? '';

/** The version that a body says it has; 0 when it says nothing. */
export const versionOf = ({ version = 0 }: Body): unknown => version;

/** Whether a stored body, unless it is that of a deletion, is of before there were versions. */
export const needsMigration = (body: Body): boolean => body['_deleted'] !== true && versionOf(body) === 0;

/** `isGood` says whether a preference may have this value. The result has still to be checked: names and types are kept. */
export const migrateFromVersion0 = (
  { _id, type = USER_DOCUMENT_TYPE, username, preferences, created_at, updated_at }: Body,
  isValidPreference: (key: string, value: unknown) => boolean,
) => ({
  _id,
  created_at: firstIsoTime(created_at, updated_at),
  edits: {},
  preferences: Object.fromEntries(
    Object.entries(preferences ?? {}).filter(([key, value]) => isValidPreference(key, value)),
  ),
  type,
  updated_at: firstIsoTime(updated_at, created_at),
  username,
  version: USER_DOCUMENT_VERSION,
});
