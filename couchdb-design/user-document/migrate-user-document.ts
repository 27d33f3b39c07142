/**
 * Migrates a user document to the current version.
 *
 * Version 0 had no `version` and no `edits`, and was never validated, so migration keeps its valid members and drops the
 * others. It depends on the document alone, so that two devices that migrate it write the same bytes.
 */
import { USER_DOCUMENT_TYPE, USER_DOCUMENT_VERSION } from './user-document-shape.ts';

type Body = Readonly<Record<string, unknown>>;

/** Returns the first of the values that is a time with a four-digit year, as ISO 8601; the epoch if there is none. */
const firstIsoTime = (...values: readonly unknown[]): string =>
  [...values, 0].map((value) => new Date((value ?? NaN) as string).toJSON()).find((time) => /^\d{4}-/.test(time)) ?? '';

/** Returns the version of a body; 0 when it has none. */
export const versionOf = ({ version = 0 }: Body): unknown => version;

/** Returns whether a stored body has version 0 and is not a tombstone. */
export const needsMigration = (body: Body): boolean => body['_deleted'] !== true && versionOf(body) === 0;

/**
 * Migrates a body of version 0. `isValidPreference` returns whether a preference may have a value. The result must be
 * validated: its names and types are not checked.
 */
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
