/**
 * The preferences' rules without zod, as a Standard Schema (https://standardschema.dev): what the browser's library
 * checks by when the application brings no schema of its own.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { PREFERENCE_RULES, type Preferences, type Rule, type Rules } from './preference-rules.ts';

/** What is wrong with a value, as the end of a sentence; nothing for a good one. */
const faultOf = (rule: Rule, value: unknown): string => {
  switch (rule.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? '' : 'must be true or false';
    case 'oneOf':
      return rule.values.some((one) => one === value) ? '' : `must be one of ${rule.values.join(', ')}`;
    case 'text':
      return typeof value === 'string' && value.length <= rule.longest && rule.pattern.test(value) ? '' : rule.says;
    case 'list':
      return Array.isArray(value) && value.length <= rule.most
        ? (value.map((item) => faultOf(rule.of, item)).find(Boolean) ?? '')
        : `must be a list of at most ${rule.most}`;
    case 'record':
      return faultsIn(rule.members, value, rule.required)[0] ?? '';
  }
};

/** What is wrong with the members of an object; those that are missing are, when they are `required`. */
const faultsIn = (rules: Rules, value: unknown, required: readonly string[] = []): readonly string[] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['must be an object'];
  const members = Object.entries(value).map(([key, member]: [string, unknown]) => {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    const fault = rule ? faultOf(rule, member) : 'is not known';
    return fault && `${key} ${fault}`;
  });
  const missing = required.map((key) => (Object.hasOwn(value, key) ? '' : `${key} is missing`));
  return [...members, ...missing].filter(Boolean);
};

export const preferencesStandard: StandardSchemaV1<Preferences> = {
  '~standard': {
    version: 1,
    vendor: 'pouchgate',
    validate: (value) => {
      const faults = faultsIn(PREFERENCE_RULES, value);
      return faults.length > 0 ? { issues: faults.map((message) => ({ message })) } : { value: value as Preferences };
    },
  },
};
