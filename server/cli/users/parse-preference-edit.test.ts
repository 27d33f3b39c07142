import fc from 'fast-check';
import { anyPreferences, PREFERENCE_KEYS } from '../../../couchdb-design/testing/arbitraries.ts';
import { PREFERENCE_RULES } from '../../../couchdb-design/user-document/preference-rules.ts';
import { preferencesPatchSchema } from '../../../couchdb-design/user-document/user-document.ts';
import { UsageError } from '../command-error.ts';
import { parsePreferenceEdit as read } from './parse-preference-edit.ts';
import { loadPreferenceRules, type AnyPreferenceRules } from '../load-schema.ts';

let rules: AnyPreferenceRules;
beforeAll(async () => {
  rules = await loadPreferenceRules(undefined, 'user_');
});
const parseEdit = (preference: string, text: string) => read(rules, preference, text);

const anyKey = fc.constantFrom(...PREFERENCE_KEYS);
const anyValue = anyPreferences
  .filter((preferences) => Object.keys(preferences).length > 0)
  .chain((preferences) => fc.constantFrom(...Object.entries(preferences)));

test('parses any valid value from JSON', () => {
  fc.assert(
    fc.property(anyValue, ([key, value]) => {
      expect(parseEdit(key, JSON.stringify(value))).toEqual({
        preference: key,
        removes: false,
        patch: { [key]: value },
      });
    }),
  );
});

test('parses strings without quotes', () => {
  fc.assert(
    fc.property(anyValue, ([key, value]) => {
      fc.pre(typeof value === 'string');
      expect(parseEdit(key, value).patch).toEqual({ [key]: value });
    }),
  );
});

test('parses any text to a valid patch, or reports the allowed values', () => {
  const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constantFrom('null', 'unset', '', '"', '{}'));
  fc.assert(
    fc.property(anyKey, anyText, (key, text) => {
      try {
        const { patch, removes } = parseEdit(key, text);
        expect(Object.keys(patch)).toEqual([key]);
        expect(patch[key] === null).toBe(removes);
        expect(preferencesPatchSchema.safeParse(patch).success).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message).toMatch(/^\w+ cannot be ".*: use .*, or unset\.$/su);
      }
    }),
    { numRuns: 500 },
  );
});

test.each(PREFERENCE_KEYS)('null and unset remove %s, and are strings in quotes', (key) => {
  for (const text of ['null', 'unset']) {
    expect(parseEdit(key, text)).toEqual({ preference: key, removes: true, patch: { [key]: null } });
  }
  const quoted = (): unknown => parseEdit(key, '"unset"').patch;
  if (key === 'timezone') expect(quoted()).toEqual({ timezone: 'unset' });
  else expect(quoted).toThrow(UsageError);
});

test('reports the allowed values of each kind of preference', () => {
  expect(() => parseEdit('briefingTime', '7 o clock')).toThrow(PREFERENCE_RULES.briefingTime.message);
  expect(() => parseEdit('theme', 'pink')).toThrow('one of light, dark, system');
  expect(() => parseEdit('selectedTags', 'work')).toThrow('["work", "home"]');
  expect(() => parseEdit('dailyRecap', 'yes')).toThrow('true or false');
});

test.each(['__proto__', 'constructor', 'Theme', ''])('rejects %j as a preference', (name) => {
  expect(() => parseEdit(name, 'dark')).toThrow('The preferences are theme, viewMode');
});
