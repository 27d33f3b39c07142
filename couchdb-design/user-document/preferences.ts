/**
 * The zod schemas of the preferences, for types and the OpenAPI document. The rules themselves are in preference-violations.ts.
 *
 * An application defines its own preferences with another strict object of optional members. Each member is validated
 * separately: a rule over two members could be broken by a merge of two documents that satisfy it.
 */
import { z } from 'zod';
import { PREFERENCE_RULES, type PatchOf, type Preferences, type Rule, type Rules } from './preference-rules.ts';
import { matchesTextRule } from './preference-violations.ts';

const createRuleSchema = (rule: Rule): z.ZodType => {
  switch (rule.kind) {
    case 'boolean':
      return z.boolean();
    case 'oneOf':
      return z.enum(rule.values);
    case 'text':
      // zod counts UTF-16 code units, and JSON Schema code points.
      return z
        .string()
        .refine((text) => matchesTextRule(rule, text), rule.message)
        .meta({ maxLength: rule.maxLength, pattern: rule.pattern.source });
    case 'list':
      return z.array(createRuleSchema(rule.of)).max(rule.maxItems);
    case 'record':
      return createObjectSchema(rule.members, rule.required);
  }
};

const createObjectSchema = (rules: Rules, required: readonly string[] = []) =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(rules).map(([key, rule]) => {
        const schema = createRuleSchema(rule);
        return [key, required.includes(key) ? schema : schema.exactOptional()];
      }),
    ),
  );

type PreferencesShape = {
  -readonly [K in keyof typeof PREFERENCE_RULES]: z.ZodExactOptional<z.ZodType<Required<Preferences>[K]>>;
};

export const preferencesSchema = createObjectSchema(PREFERENCE_RULES) as unknown as z.ZodObject<
  PreferencesShape,
  z.core.$strict
>;

/** Returns the schema of a patch: the same members, each of which may be `null` to remove it. */
export const createPatchSchema = <S extends z.ZodObject>(preferences: S): z.ZodType<PatchOf<z.infer<S>>> =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(preferences.shape).map(([key, value]) => [key, z.union([value, z.null()]).optional()]),
    ),
  ) as z.ZodType as z.ZodType<PatchOf<z.infer<S>>>;

export const preferencesPatchSchema = createPatchSchema(preferencesSchema);
