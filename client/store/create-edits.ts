/** Turns a patch into edits: validates it, stamps it, and adds what the upgrade derives. */
import { findPatchViolations, findSizeViolation } from '../../couchdb-design/user-document/document-changes.ts';
import { latestEditStamp, nextEditStamp, type DeviceId } from '../../couchdb-design/user-document/edit-stamp.ts';
import { formatViolation, type Violation } from '../../couchdb-design/user-document/json-rules.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import { derivedStates } from '../../couchdb-design/user-document/upgrade-values.ts';
import { correctedTime, type ClockReading } from '../platform/clock.ts';
import { applyEdits, EMPTY_DOCUMENT, type Edits } from './edits.ts';
import type { LocalDocument } from './leaf.ts';
import { validatorOf, type ViewOptions } from './visible-preferences.ts';

const assertNone = (violations: readonly Violation[]): void => {
  if (violations.length > 0) throw new RangeError(`${violations.map(formatViolation).join('; ')}.`);
};

/** What a store has when an edit is made. */
export interface EditContext {
  /** The stored document, with the unsent edits that were committed to it; undefined before the first pull. */
  readonly document: LocalDocument | undefined;
  readonly unsent: Edits;
  readonly device: DeviceId;
  readonly clock: ClockReading;
}

/** Returns the edits of a valid patch, with a stamp later than all stamps of the document and of the unsent edits. */
const stampEdits = (patch: Values, { document, unsent, device, clock }: EditContext): Edits => {
  const stored = Object.values(document?.edits ?? {});
  const own = unsent.map((edit) => edit.stamp);
  const stamp = nextEditStamp({ now: correctedTime(clock), device, seen: latestEditStamp([...stored, ...own]) });
  const made = { ...clock, seen: latestEditStamp(stored.filter((each) => !own.includes(each))) };
  return Object.entries(patch).map(([key, value]) => ({ key, value: value ?? null, stamp, made }));
};

/**
 * Returns the edits to store for a patch, and before them what the upgrade derives from the document, if there is space for it.
 * Throws a RangeError that names the members and what is expected, when a preference may not have its value or the document
 * would be too large. A value that the document already has is always accepted.
 */
export const createEdits = (view: ViewOptions, patch: Values, context: EditContext): Edits => {
  assertNone(findPatchViolations(context.document, patch, view.schema));
  const edits = stampEdits(patch, context);
  if (edits.length === 0) return edits;
  const before = applyEdits(context.document ?? EMPTY_DOCUMENT, context.unsent);
  const findViolations = (all: Edits): readonly Violation[] =>
    [findSizeViolation(before, applyEdits(before, all))].flatMap((violation) => violation ?? []);
  const all = [...derivedStates(before, view.upgrade, validatorOf(view.schema)), ...edits];
  if (findViolations(all).length === 0) return all;
  assertNone(findViolations(edits));
  return edits;
};
