import { isObject } from '../../../lib/json.ts';
import type { OwnDocument } from '../generate/malformed-bodies.ts';

/** A preference that takes a random text. */
export interface CanaryField {
  readonly key: string;
  readonly toValue: (canary: string) => unknown;
}

/** A built-in preference that is a list of texts. */
const DEFAULT_KEY = 'selectedTags';

/**
 * Returns the preferences that may take a text, the likeliest first. An application's own schema is unknown, so each is tried.
 *
 * @param preference the preference that the operator named
 */
export function chooseCanaryFields(document: OwnDocument, preference?: string): readonly CanaryField[] {
  const stored = isObject(document['preferences']) ? document['preferences'] : {};
  const keys =
    preference === undefined
      ? [DEFAULT_KEY, ...Object.keys(stored).filter((key) => isText(stored[key]))]
      : [preference];
  return [...new Set(keys)].flatMap((key) => [
    { key, toValue: (canary) => [canary] },
    { key, toValue: (canary) => canary },
  ]);
}

const isText = (value: unknown): boolean =>
  typeof value === 'string' || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
