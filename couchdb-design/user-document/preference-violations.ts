/** Applies the rules of preference-rules.ts to values. */
import type { Violation } from './json-rules.ts';
import type { Rule, Rules } from './preference-rules.ts';

type TextRule = Extract<Rule, { readonly kind: 'text' }>;

/** Whether a text satisfies a rule. Its length is in code points, as in JSON Schema. */
export const matchesTextRule = ({ maxLength, pattern }: TextRule, text: string): boolean =>
  pattern.test(text) && Array.from(text).length <= maxLength;

/** Returns the first violation of a rule; `undefined` for a valid value. */
const findRuleViolation = (rule: Rule, value: unknown, path: readonly string[]): Violation | undefined => {
  const check = (isValid: boolean, message: string): Violation | undefined => (isValid ? undefined : { path, message });
  switch (rule.kind) {
    case 'boolean':
      return check(typeof value === 'boolean', 'must be true or false');
    case 'oneOf':
      return check(rule.values.includes(value as string), `must be one of ${rule.values.join(', ')}`);
    case 'text':
      return check(typeof value === 'string' && matchesTextRule(rule, value), rule.message);
    case 'list':
      return Array.isArray(value) && value.length <= rule.maxItems
        ? firstOf(value.keys(), (index) => findRuleViolation(rule.of, value[index], [...path, String(index)]))
        : { path, message: `must be a list of at most ${rule.maxItems}` };
    case 'record':
      return findObjectViolation(rule.members, value, { required: rule.required, path });
  }
};

const firstOf = <T>(items: Iterable<T>, find: (item: T) => Violation | undefined): Violation | undefined => {
  for (const item of items) {
    const found = find(item);
    if (found) return found;
  }
  return undefined;
};

/** Returns the violation of an object's first invalid member. Members in `required` must be present. */
export const findObjectViolation = (
  rules: Rules,
  value: unknown,
  { required = [], path = [] }: { readonly required?: readonly string[]; readonly path?: readonly string[] } = {},
): Violation | undefined => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { path, message: 'must be an object' };
  return firstOf([...required, ...Object.keys(value)], (key) => {
    const memberPath = [...path, key];
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (!rule) return { path: memberPath, message: 'is not known' };
    return findRuleViolation(rule, (value as Readonly<Record<string, unknown>>)[key], memberPath);
  });
};
