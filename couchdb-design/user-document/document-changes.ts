/**
 * What a write changes, and whether it may. A write is checked for its changes alone: a key, value or stamp that the document
 * already has is never a reason to refuse, so no document becomes unwritable.
 */
import { latestEditStamp, MAX_CLOCK_TIME, stampTime } from './edit-stamp.ts';
import { findJsonViolation, type Violation } from './json-rules.ts';
import { keysOf, stampOf, valueOf, valueText } from './merge.ts';
import { findNameViolation, type PreferenceSchema, type Values } from './preference-schema.ts';
import type { UserDocument } from './user-document-shape.ts';

/** Limit for one document, without CouchDB's members other than `_id`, in bytes of its JSON text in UTF-8. */
export const MAX_DOCUMENT_BYTES = 65_536;

/**
 * How far a new stamp may exceed the greatest stored one if that is later than any clock: enough for 65 million edits, and too little
 * for a user to reach the last possible stamp step by step.
 */
const MAX_STEP_MS = 1_000;

const NOTHING = { preferences: {}, edits: {} };

/** Returns the size of a document, in bytes. It does not depend on the order of the members. */
export const documentBytes = (document: object): number => new TextEncoder().encode(JSON.stringify(document)).length;

/** Returns the preferences whose value or stamp differs. */
export const changedKeys = (before: UserDocument<object> | undefined, after: UserDocument<object>): readonly string[] =>
  keysOf(before ?? NOTHING, after).filter(
    (key) =>
      stampOf(before ?? NOTHING, key) !== stampOf(after, key) ||
      valueText(before ?? NOTHING, key) !== valueText(after, key),
  );

/**
 * Returns why a document is too large; `undefined` if it is not, if it is not larger than before the write, or if the write only
 * removes: the stamp of a removal may be longer than the value, of which there is only one to remove.
 */
export const findSizeViolation = (
  before: UserDocument<object> | undefined,
  after: UserDocument<object>,
  otherBytes = 0,
): Violation | undefined => {
  const stored = before ?? NOTHING;
  const bytes = documentBytes(after) + otherBytes;
  if (bytes <= MAX_DOCUMENT_BYTES || bytes <= documentBytes(stored) + otherBytes) return undefined;
  const isRemoval = (key: string): boolean => valueOf(after, key) === undefined && valueOf(stored, key) !== undefined;
  return changedKeys(before, after).every(isRemoval)
    ? undefined
    : { path: [], message: `would have ${bytes} bytes; at most ${MAX_DOCUMENT_BYTES} are accepted` };
};

export interface Write {
  /** The document that the write is based on; `undefined` when there is none. */
  readonly before: UserDocument<Values> | undefined;
  readonly after: UserDocument<Values>;
  readonly schema: Pick<PreferenceSchema, 'findViolation'>;
  /** The bytes of unchanged preferences that are not in `before` and `after`. Default: 0. */
  readonly otherBytes?: number | undefined;
}

/**
 * Returns why the values of an edit must not be stored, one violation for each preference. A removal, and a value that the document
 * already has, are always accepted. Never throws, for any JavaScript values.
 */
export const findPatchViolations = (
  before: UserDocument<Values> | undefined,
  patch: Values,
  schema: Pick<PreferenceSchema, 'findViolation'>,
): readonly Violation[] => {
  const stored = before ?? NOTHING;
  const storedKeys = new Set(keysOf(stored));
  return Object.entries(patch).flatMap(([key, value]) => {
    if (value === null || value === undefined) return storedKeys.has(key) ? [] : (findNameViolation(key) ?? []);
    const violation = findJsonViolation(value, [key]);
    if (violation) return violation;
    const isStored = valueText({ preferences: patch }, key) === valueText(stored, key);
    return isStored ? [] : (schema.findViolation(key, value) ?? []);
  });
};

/**
 * Returns why a write must not be stored; `undefined` when it may be. Removals and unchanged states are always accepted. The values
 * must be JSON, and the stamps well-formed.
 */
export const findWriteViolation = ({ before, after, schema, otherBytes }: Write): Violation | undefined => {
  const stored = before ?? NOTHING;
  const storedKeys = new Set(keysOf(stored));
  const latest = latestEditStamp(Object.values(stored.edits));
  const maxTime = Math.max(MAX_CLOCK_TIME, latest === undefined ? 0 : stampTime(latest) + MAX_STEP_MS);
  for (const key of changedKeys(before, after)) {
    const value = valueOf(after, key);
    const isNewValue = value !== undefined && valueText(stored, key) !== valueText(after, key);
    const isNewName = !storedKeys.has(key);
    const violation = isNewValue ? schema.findViolation(key, value) : isNewName ? findNameViolation(key) : undefined;
    if (violation) return violation;
    const stamp = stampOf(after, key);
    if (stamp !== undefined && stamp !== stampOf(stored, key) && stampTime(stamp) > maxTime)
      return { path: ['edits', key], message: 'must be dated before the year 9000' };
  }
  return findSizeViolation(before, after, otherBytes);
};
