/** Reads the preferences of a stored document: all of them, apart from what no interface and no database could write again. */
import { isObject } from './json.ts';
import { exceedsDepth } from './json-rules.ts';
import type { Values } from './preference-schema.ts';
import { isPreferenceKey } from './user-document-shape.ts';

/** Far deeper than any interface accepts, and far below the depth at which the recursive `JSON.stringify` overflows the stack. */
const MAX_STORED_DEPTH = 100;

/** An escape sequence of `JSON.stringify`, which escapes surrogates only where they are unpaired. */
const ESCAPE = /\\(?:ud[89a-f][0-9a-f]{2}|.)/g;

/** Returns the value with U+FFFD in place of unpaired surrogates, which CouchDB rejects. */
const toWellFormed = <T>(value: T): T => {
  const text = JSON.stringify(value);
  const wellFormed = text.replace(ESCAPE, (escape) => (escape.length > 2 ? '\\ufffd' : escape));
  return text === wellFormed ? value : (JSON.parse(wellFormed) as T);
};

/** Calls `repair` for every member that is not returned as it is stored. */
export const readStoredPreferences = (
  value: unknown,
  repair: (path: readonly string[], message: string) => void,
): Values => {
  if (!isObject(value)) repair(['preferences'], 'must be an object');
  const entries = Object.entries(isObject(value) ? value : {}).flatMap(([key, stored]) => {
    const path = ['preferences', key];
    if (!isPreferenceKey(key)) repair(path, 'is not the name of a preference');
    // A merge treats null as a removal.
    else if (stored === null || stored === undefined) repair(path, 'must not be null');
    else if (exceedsDepth(stored, MAX_STORED_DEPTH))
      repair(path, `is nested more than ${MAX_STORED_DEPTH} levels deep`);
    else {
      const readable = toWellFormed(stored);
      if (readable !== stored) repair(path, 'must not contain an unpaired surrogate');
      return [[key, readable] as const];
    }
    return [];
  });
  return Object.fromEntries(entries);
};
