import { z } from 'zod';
import { PREFERENCE_RULES, type Rule } from '../../../couchdb-design/user-document/preference-rules.ts';
import {
  formatViolation,
  preferencesSchema,
  type Values,
} from '../../../couchdb-design/user-document/user-document.ts';
import { UsageError } from '../command-error.ts';
import type { AnyPreferenceRules } from '../load-schema.ts';

/** A new value for one preference, as typed on the command line. */
export interface PreferenceEdit {
  readonly preference: string;
  /** Whether it removes the value, so that the default applies. */
  readonly removes: boolean;
  /** Valid by the schema. */
  readonly patch: Values;
}

/** Values that remove a preference. Quoted as JSON, `'"unset"'` is a string. */
const UNSET_VALUES: readonly string[] = ['null', 'unset'];

/**
 * Parses a value: JSON, or plain text if the preference takes a string.
 *
 * @throws {UsageError} With the values that the preference takes.
 */
export function parsePreferenceEdit(rules: AnyPreferenceRules, preference: string, text: string): PreferenceEdit {
  if (!rules.names.includes(preference)) {
    throw new UsageError(
      `Unknown preference ${JSON.stringify(preference)}. The preferences are ${rules.names.join(', ')}.`,
    );
  }
  if (UNSET_VALUES.includes(text)) return { preference, removes: true, patch: { [preference]: null } };
  const candidates = candidateValues(text).map((value) => ({
    value,
    violation: rules.schema.findViolation(preference, value),
  }));
  const accepted = candidates.find(({ violation }) => violation === undefined);
  if (accepted !== undefined) return { preference, removes: false, patch: { [preference]: accepted.value } };
  const [violation] = candidates.flatMap((candidate) => candidate.violation ?? []);
  const where = violation !== undefined && violation.path.length > 1 ? ` (${formatViolation(violation)})` : '';
  throw new UsageError(
    `${preference} cannot be ${JSON.stringify(text)}${where}: use ${describeAllowedValues(rules.zodSchema, preference)}, or unset.`,
  );
}

/** The values that a text may stand for, the most likely first: plain text may look like a number. */
function candidateValues(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text) as unknown, text];
  } catch {
    return [text];
  }
}

function describeAllowedValues(schema: z.ZodType, preference: string): string {
  if (schema === preferencesSchema) return describeRule(PREFERENCE_RULES[preference as keyof typeof PREFERENCE_RULES]);
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return `a value that matches this JSON Schema: ${JSON.stringify(properties[preference] ?? {})}`;
}

function describeRule(rule: Rule): string {
  switch (rule.kind) {
    case 'boolean':
      return 'true or false';
    case 'oneOf':
      return `one of ${rule.values.join(', ')}`;
    case 'text':
      return `a string, which ${rule.message}`;
    case 'list':
      return rule.of.kind === 'record'
        ? `a JSON list such as '[{"name": "work", "selectedTags": ["a"]}]', of at most ${rule.maxItems}`
        : `a JSON list such as '["work", "home"]', of at most ${rule.maxItems}`;
    case 'record':
      return 'a JSON object';
  }
}
