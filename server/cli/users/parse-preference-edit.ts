import { z } from 'zod';
import { PREFERENCE_RULES, type Rule } from '../../../couchdb-design/user-document/preference-rules.ts';
import { preferencesSchema, type PatchOf } from '../../../couchdb-design/user-document/user-document.ts';
import { UsageError } from './command-error.ts';
import type { AnyPreferences, AnyRules } from './load-schema.ts';

/** A new value for one preference, as it was typed. */
export interface PreferenceEdit {
  readonly preference: string;
  /** True: the default is to hold again. */
  readonly removes: boolean;
  /** Good by the schema. */
  readonly patch: PatchOf<AnyPreferences>;
}

/** What takes a preference away. The text itself is `'"unset"'`. */
const REMOVALS: readonly string[] = ['null', 'unset'];

/**
 * Reads a value of the command line: JSON, or bare text where the preference takes a text. Throws `UsageError` that says
 * what the preference takes.
 */
export function readPreferenceEdit(rules: AnyRules, preference: string, text: string): PreferenceEdit {
  if (!rules.names.includes(preference)) {
    throw new UsageError(`There is no preference ${JSON.stringify(preference)}; there are ${rules.names.join(', ')}.`);
  }
  const removes = REMOVALS.includes(text);
  for (const value of removes ? [null] : readings(text)) {
    const read = rules.patchSchema.safeParse({ [preference]: value });
    if (read.success) return { preference, removes, patch: read.data };
  }
  throw new UsageError(
    `${preference} cannot be ${JSON.stringify(text)}: give ${wordsFor(rules.schema, preference)}, or unset.`,
  );
}

/** What a text may mean, the likeliest first: a bare text may look like a number. */
function readings(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text) as unknown, text];
  } catch {
    return [text];
  }
}

function wordsFor(schema: z.ZodType, preference: string): string {
  if (schema === preferencesSchema) return wordsForRule(PREFERENCE_RULES[preference as keyof typeof PREFERENCE_RULES]);
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return `what this JSON Schema takes: ${JSON.stringify(properties[preference] ?? {})}`;
}

function wordsForRule(rule: Rule): string {
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
