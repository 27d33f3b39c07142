import { PREFERENCE_RULES, type Rule } from '../../couchdb-design/preference-rules.ts';
import { preferencesPatchSchema, type Preferences, type PreferencesPatch } from '../../couchdb-design/user-document.ts';
import { UsageError } from './command-error.ts';

/** A new value for one preference, as it was typed. */
export interface PreferenceEdit {
  readonly preference: keyof Preferences;
  /** True: the default is to hold again. */
  readonly removes: boolean;
  /** Good by the schema. */
  readonly patch: PreferencesPatch;
}

/** What takes a preference away. The text itself is `'"unset"'`. */
const REMOVALS: readonly string[] = ['null', 'unset'];

/**
 * Reads a value of the command line: JSON, or bare text where the preference is a text. Throws `UsageError` that says what
 * the preference takes.
 */
export function readPreferenceEdit(preference: string, text: string): PreferenceEdit {
  if (!isPreference(preference)) {
    throw new UsageError(
      `There is no preference ${JSON.stringify(preference)}; there are ${Object.keys(PREFERENCE_RULES).join(', ')}.`,
    );
  }
  const removes = REMOVALS.includes(text);
  const rule: Rule = PREFERENCE_RULES[preference];
  const value = removes ? null : valueOf(rule, text);
  const read = preferencesPatchSchema.safeParse({ [preference]: value });
  if (value !== undefined && read.success) return { preference, removes, patch: read.data };
  throw new UsageError(`${preference} cannot be ${JSON.stringify(text)}: give ${wordsFor(rule)}, or unset.`);
}

/** Undefined for what is no JSON, and no text where one would do. */
function valueOf(rule: Rule, text: string): unknown {
  const isText = rule.kind === 'text' || rule.kind === 'oneOf';
  try {
    const value: unknown = JSON.parse(text);
    // A text may look like a number.
    return isText && typeof value !== 'string' ? text : value;
  } catch {
    return isText ? text : undefined;
  }
}

function wordsFor(rule: Rule): string {
  switch (rule.kind) {
    case 'boolean':
      return 'true or false';
    case 'oneOf':
      return `one of ${rule.values.join(', ')}`;
    case 'text':
      return `a text, which ${rule.says}`;
    case 'list':
      return rule.of.kind === 'record'
        ? `a JSON list such as '[{"name": "work", "selectedTags": ["a"]}]', of at most ${rule.most}`
        : `a JSON list such as '["work", "home"]', of at most ${rule.most}`;
    case 'record':
      return 'a JSON object';
  }
}

const isPreference = (name: string): name is keyof Preferences => Object.hasOwn(PREFERENCE_RULES, name);
