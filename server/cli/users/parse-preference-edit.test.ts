import fc from 'fast-check';
import { anyPreferences, PREFERENCE_KEYS } from '../../../couchdb-design/testing/arbitraries.ts';
import { PREFERENCE_RULES } from '../../../couchdb-design/user-document/preference-rules.ts';
import { preferencesPatchSchema } from '../../../couchdb-design/user-document/user-document.ts';
import { UsageError } from './command-error.ts';
import { readPreferenceEdit as read } from './parse-preference-edit.ts';
import { rulesForOperators, type AnyRules } from './load-schema.ts';

let rules: AnyRules;
beforeAll(async () => {
  rules = await rulesForOperators(undefined, 'user_');
});
const readPreferenceEdit = (preference: string, text: string) => read(rules, preference, text);

const anyKey = fc.constantFrom(...PREFERENCE_KEYS);
const anyValue = anyPreferences
  .filter((preferences) => Object.keys(preferences).length > 0)
  .chain((preferences) => fc.constantFrom(...Object.entries(preferences)));

test('any good value as JSON is read as itself', () => {
  fc.assert(
    fc.property(anyValue, ([key, value]) => {
      expect(readPreferenceEdit(key, JSON.stringify(value))).toEqual({
        preference: key,
        removes: false,
        patch: { [key]: value },
      });
    }),
  );
});

test('a text needs no quotes', () => {
  fc.assert(
    fc.property(anyValue, ([key, value]) => {
      fc.pre(typeof value === 'string');
      expect(readPreferenceEdit(key, value).patch).toEqual({ [key]: value });
    }),
  );
});

test('whatever is typed is a patch that the schema takes, or told what would do', () => {
  const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constantFrom('null', 'unset', '', '"', '{}'));
  fc.assert(
    fc.property(anyKey, anyText, (key, text) => {
      try {
        const { patch, removes } = readPreferenceEdit(key, text);
        expect(Object.keys(patch)).toEqual([key]);
        expect(patch[key] === null).toBe(removes);
        expect(preferencesPatchSchema.safeParse(patch).success).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message).toMatch(/^\w+ cannot be ".*: give .*, or unset\.$/su);
      }
    }),
    { numRuns: 500 },
  );
});

test.each(PREFERENCE_KEYS)('null and unset remove %s, and quoted they are a text', (key) => {
  for (const text of ['null', 'unset']) {
    expect(readPreferenceEdit(key, text)).toEqual({ preference: key, removes: true, patch: { [key]: null } });
  }
  const quoted = (): unknown => readPreferenceEdit(key, '"unset"').patch;
  if (key === 'timezone') expect(quoted()).toEqual({ timezone: 'unset' });
  else expect(quoted).toThrow(UsageError);
});

test('what a text must be is said in its own words', () => {
  expect(() => readPreferenceEdit('briefingTime', '7 o clock')).toThrow(PREFERENCE_RULES.briefingTime.says);
  expect(() => readPreferenceEdit('theme', 'pink')).toThrow('one of light, dark, system');
  expect(() => readPreferenceEdit('selectedTags', 'work')).toThrow('["work", "home"]');
  expect(() => readPreferenceEdit('dailyRecap', 'yes')).toThrow('true or false');
});

test.each(['__proto__', 'constructor', 'Theme', ''])('%j is no preference', (name) => {
  expect(() => readPreferenceEdit(name, 'dark')).toThrow('there are theme, viewMode');
});
