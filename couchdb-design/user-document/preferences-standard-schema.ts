/**
 * The rules of the preferences without zod, as a Standard Schema (https://standardschema.dev). It is the browser library's
 * default schema.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { PREFERENCE_RULES, type Preferences, type Rule, type Rules } from './preference-rules.ts';

/** Returns why a value is invalid, as the end of a sentence; an empty string for a valid one. */
const describeViolation = (rule: Rule, value: unknown): string => {
  switch (rule.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? '' : 'must be true or false';
    case 'oneOf':
      return rule.values.includes(value as string) ? '' : `must be one of ${rule.values.join(', ')}`;
    case 'text':
      return typeof value === 'string' && value.length <= rule.maxLength && rule.pattern.test(value)
        ? ''
        : rule.message;
    case 'list':
      return Array.isArray(value) && value.length <= rule.maxItems
        ? (value.map((item) => describeViolation(rule.of, item)).find(Boolean) ?? '')
        : `must be a list of at most ${rule.maxItems}`;
    case 'record':
      return describeObjectViolation(rule.members, value, rule.required);
  }
};

/** Returns why an object is invalid, by its first invalid member. Members in `required` must be present. */
const describeObjectViolation = (rules: Rules, value: unknown, required: readonly string[] = []): string => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object';
  for (const key of [...required, ...Object.keys(value)]) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    const violation = rule
      ? describeViolation(rule, (value as Readonly<Record<string, unknown>>)[key])
      : 'is not known';
    if (violation) return `${key} ${violation}`;
  }
  return '';
};

export const preferencesStandardSchema: StandardSchemaV1<Preferences> = {
  '~standard': {
    version: 1,
    vendor: 'pouchgate',
    validate: (value) => {
      const message = describeObjectViolation(PREFERENCE_RULES, value);
      return message ? { issues: [{ message }] } : { value: value as Preferences };
    },
  },
};
