/**
 * Shows a document to a version of the application that has renamed preferences or changed the form of their values.
 *
 * Versions of an application run side by side, so an older one edits an old key while a newer one edits its successor. Each
 * edit keeps its own stamp, and a conversion never overwrites a stored value. So both versions show the newest edit that
 * they can read. The result depends on the document alone: two devices derive the same values with the same stamps.
 */
import { canonicalJson } from './canonical-json.ts';
import type { EditStamp } from './edit-stamp.ts';
import type { JsonObject } from './json.ts';
import { tryUpgrade, type Upgrade } from './upgrade-function.ts';

/**
 * In a document with more values, every value is shown as one upgrade of all of them converts it: a comparison costs an upgrade for
 * each value. Only a schema that accepts any name lets a user store so many.
 */
const MAX_COMPARED_VALUES = 128;

/** Whether a preference may have this value. */
type IsValid = (key: string, value: unknown) => boolean;

/** The parts of a user document that an upgrade reads. */
interface Stored {
  readonly preferences: JsonObject;
  readonly edits: Readonly<Record<string, EditStamp>>;
}

/** A value and the stamp of its edit: `null` for a removed or missing value, '' for no stamp. */
interface State {
  readonly key: string;
  readonly value: unknown;
  readonly stamp: EditStamp;
}

const getOwn = (members: JsonObject, key: string): unknown => (Object.hasOwn(members, key) ? members[key] : null);

const pick = (members: JsonObject, isPicked: (key: string) => boolean): JsonObject =>
  Object.fromEntries(Object.entries(members).filter(([key]) => isPicked(key)));

const omit = (members: JsonObject, keys: readonly string[]): JsonObject => {
  const omitted = new Set(keys);
  return pick(members, (key) => !omitted.has(key));
};

const upgradeOrKeep = (upgrade: Upgrade, values: JsonObject): JsonObject => tryUpgrade(upgrade, values) ?? values;

/** Returns the canonical text of one value; 'null' when there is none. */
const textOf = (values: JsonObject, key: string): string => {
  try {
    const text: unknown = canonicalJson(getOwn(values, key));
    // JSON has no text for a function.
    return typeof text === 'string' ? text : 'null';
  } catch {
    return 'null';
  }
};

/**
 * Returns the keys of a least set of values from which a text follows, with the newest stamps if there are several. It is empty for
 * a constant. Most values are no source, so halves of them are left out at once.
 */
const findSources = (
  values: JsonObject,
  stampOf: (key: string) => EditStamp,
  hasText: (values: JsonObject) => boolean,
): readonly string[] => {
  const reduce = (remaining: JsonObject, keys: readonly string[]): JsonObject => {
    const fewer = omit(remaining, keys);
    if (hasText(fewer)) return fewer;
    const half = keys.length >> 1;
    return half === 0 ? remaining : reduce(reduce(remaining, keys.slice(0, half)), keys.slice(half));
  };
  const oldestFirst = Object.keys(values).sort((a, b) => (stampOf(a) + a < stampOf(b) + b ? -1 : 1));
  return Object.keys(reduce(values, oldestFirst));
};

/** What a preference may be shown as. */
interface Candidates {
  /** The stored state, with its value converted; undefined when nothing is stored. */
  readonly own: State | undefined;
  /** What the upgrade derives from the other preferences. */
  readonly derived: State | undefined;
}

const findCandidates = ({ preferences, edits }: Stored, upgrade: Upgrade, isValid: IsValid): readonly Candidates[] => {
  const stored = new Set(Object.keys(preferences).filter((key) => getOwn(preferences, key) !== null));
  const values = structuredClone(pick(preferences, (key) => stored.has(key)));
  const isCompared = stored.size <= MAX_COMPARED_VALUES;
  const upgraded = upgradeOrKeep(upgrade, values);
  const upgradedText = (subset: JsonObject, key: string): string =>
    textOf(subset === values ? upgraded : upgradeOrKeep(upgrade, subset), key);
  const stampOf = (key: string): EditStamp => (getOwn(edits, key) as EditStamp | null) ?? '';
  const keys = new Set(Object.keys({ ...values, ...edits, ...upgraded }));
  return [...keys].map((key) => {
    const others = stored.has(key) && isCompared ? omit(values, [key]) : values;
    const text = stored.has(key) && !isCompared ? 'null' : upgradedText(others, key);
    const hasText = (subset: JsonObject): boolean => upgradedText(subset, key) === text;
    const sources = text === 'null' || !isCompared ? [] : findSources(others, stampOf, hasText);
    const toState = (valueText: string, stamp: EditStamp): State | undefined => {
      const value: unknown = JSON.parse(valueText);
      return value !== null && isValid(key, value) ? { key, value, stamp } : undefined;
    };
    return {
      derived: toState(text, sources.map(stampOf).sort().at(-1) ?? ''),
      own: stored.has(key)
        ? // Without the sources: an upgrade may prefer the old value to the new one.
          toState(upgradedText(sources.length > 0 ? omit(values, sources) : values, key), stampOf(key))
        : Object.hasOwn(edits, key)
          ? { key, value: null, stamp: stampOf(key) }
          : undefined,
    };
  });
};

/**
 * Returns the document as the application shows it, with the stamps that the shown values have. A preference is shown as it
 * was stored last: under its own key, or under the keys from which the upgrade derives it. `isValid` rejects what the
 * application cannot read. Do not store the result: see `derivedStates`.
 */
export const upgradeDocument = <D extends Stored>(document: D, upgrade?: Upgrade, isValid: IsValid = () => true): D => {
  if (!upgrade) return document;
  const shown = findCandidates(document, upgrade, isValid).flatMap(({ own, derived }) => {
    const state = derived && (!own || derived.stamp > own.stamp) ? derived : own;
    return state ? [state] : [];
  });
  return {
    ...document,
    preferences: Object.fromEntries(shown.filter(({ value }) => value !== null).map(({ key, value }) => [key, value])),
    edits: Object.fromEntries(shown.filter(({ stamp }) => stamp !== '').map(({ key, stamp }) => [key, stamp])),
  };
};

/**
 * Returns the derived preferences that the document does not have, to be stored with the next edit. Each has the stamp of
 * its newest source. A preference that is stored, or whose sources have no stamp, is not among them.
 */
export const derivedStates = (document: Stored, upgrade?: Upgrade, isValid: IsValid = () => true): readonly State[] =>
  upgrade
    ? findCandidates(document, upgrade, isValid).flatMap(({ derived }) =>
        derived && derived.stamp !== '' && !isKnown(document, derived.key) ? [derived] : [],
      )
    : [];

/** Whether the document has a value or a removal of this preference, valid or not. */
const isKnown = ({ preferences, edits }: Stored, key: string): boolean =>
  Object.hasOwn(edits, key) || getOwn(preferences, key) !== null;
