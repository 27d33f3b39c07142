/**
 * The preferences' rules without zod, as a Standard Schema (https://standardschema.dev): what the browser's library
 * checks by when the application brings no schema of its own.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { PREFERENCE_RULES, type Preferences, type Rule, type Rules } from './preference-rules.ts';

/** What is wrong with a value, as the end of a sentence; undefined for a good one. */
const faultOf = (rule: Rule, value: unknown): string | undefined => {
  switch (rule.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'oneOf':
      return rule.values.some((one) => one === value) ? undefined : `must be one of ${rule.values.join(', ')}`;
    case 'text':
      return typeof value === 'string' && value.length <= rule.longest && rule.pattern.test(value)
        ? undefined
        : rule.says;
    case 'list':
      return Array.isArray(value) && value.length <= rule.most
        ? value.map((item) => faultOf(rule.of, item)).find((fault) => fault !== undefined)
        : `must be a list of at most ${rule.most}`;
    case 'record':
      return faultsOf(rule.members, value, rule.required)[0]?.message;
  }
};

/** What is wrong with the members of an object; those that are missing are, when they are `required`. */
const faultsOf = (
  rules: Rules,
  value: unknown,
  required: readonly string[] = [],
): readonly { readonly message: string; readonly path: readonly string[] }[] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ message: 'must be an object', path: [] }];
  }
  const entries = Object.entries(value);
  return [
    ...required.filter((key) => !Object.hasOwn(value, key)).map((key) => [key, 'is missing'] as const),
    ...entries.map(([key, member]: [string, unknown]) => {
      const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
      return [key, rule === undefined ? 'is not known' : faultOf(rule, member)] as const;
    }),
  ].flatMap(([key, fault]) => (fault === undefined ? [] : [{ message: `${key} ${fault}`, path: [key] }]));
};

export const preferencesStandard: StandardSchemaV1<Preferences> = {
  '~standard': {
    version: 1,
    vendor: 'pouchgate',
    validate: (value) => {
      const issues = faultsOf(PREFERENCE_RULES, value);
      return issues.length > 0 ? { issues } : { value: value as Preferences };
    },
  },
};
