import fc from 'fast-check';
import { anyPreferences } from '../testing/arbitraries.ts';
import { preferencesStandardSchema } from './preferences-standard-schema.ts';
import { PREFERENCE_RULES } from './preference-rules.ts';
import { preferencesSchema } from './preferences.ts';

const KEYS = Object.keys(PREFERENCE_RULES);

const validate = (value: unknown) => {
  const result = preferencesStandardSchema['~standard'].validate(value);
  if (result instanceof Promise) throw new Error('must be synchronous');
  return result;
};
const expectSameVerdict = (value: unknown): boolean => {
  const isValid = validate(value).issues === undefined;
  expect({ value, isValid }).toEqual({ value, isValid: preferencesSchema.safeParse(value).success });
  return isValid;
};

// Values close to valid ones: of another preference, one item too many, too long, unusual characters or names.
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 42 }),
  fc.constantFrom(
    '',
    'a'.repeat(40),
    'a'.repeat(41),
    '😀'.repeat(40),
    '😀'.repeat(41),
    '\u0000',
    '\ud800',
    'dark',
    'kanban',
    '07:30',
    '24:00',
    'UTC',
    'week',
  ),
);
const anyPreset = fc.oneof(
  fc.record(
    { name: anyText, selectedTags: fc.array(anyText, { maxLength: 11 }), selectedTimeRange: anyText },
    { requiredKeys: [] },
  ),
  fc.constantFrom({ name: 'a', theme: 'dark' }, { selectedTags: [] }, { name: undefined }, null, []),
);
const anyValue = fc.oneof(
  fc.boolean(),
  anyText,
  fc.array(anyText, { maxLength: 31 }),
  fc.array(anyPreset, { maxLength: 11 }),
  fc.jsonValue(),
  fc.constant(undefined),
);

test('the Standard Schema and the zod schema agree about every preference', () => {
  let validCount = 0;
  fc.assert(
    fc.property(fc.constantFrom(...KEYS, '__proto__', 'constructor', 'toString', ''), anyValue, (key, value) => {
      if (expectSameVerdict(Object.fromEntries([[key, value]]))) validCount += 1;
    }),
    { numRuns: 3_000 },
  );
  expect(validCount).toBeGreaterThan(100);
});

test('the Standard Schema and the zod schema agree about whole preferences and other values', () => {
  fc.assert(fc.property(anyPreferences, (preferences) => expectSameVerdict(preferences)));
  fc.assert(fc.property(fc.jsonValue(), (any) => void expectSameVerdict(any)));
  for (const value of [undefined, null, [], new Date(0), 'theme', 7]) expectSameVerdict(value);
});

test('the issue has the path of the first invalid member, and what is expected', () => {
  const issuesOf = (value: unknown): unknown => validate(value).issues;
  expect(issuesOf({ theme: 'pink', recapTime: '25:00' })).toEqual([
    { path: ['theme'], message: 'must be one of light, dark, system' },
  ]);
  expect(issuesOf({ recapTime: '25:00' })).toEqual([{ path: ['recapTime'], message: 'must be a time like 07:30' }]);
  expect(issuesOf({ volume: 3 })).toEqual([{ path: ['volume'], message: 'is not known' }]);
  expect(issuesOf({ filterPresets: [{ selectedTags: [] }] })).toEqual([
    { path: ['filterPresets', '0', 'name'], message: 'must be 1 to 40 printable characters' },
  ]);
  expect(issuesOf(7)).toEqual([{ path: [], message: 'must be an object' }]);
});
