import fc from 'fast-check';
import { anyPreferences } from '../testing/arbitraries.ts';
import { preferencesStandard } from './preferences-standard-schema.ts';
import { PREFERENCE_RULES } from './preference-rules.ts';
import { preferencesSchema } from './preferences.ts';

const KEYS = Object.keys(PREFERENCE_RULES);

const validate = (value: unknown) => {
  const result = preferencesStandard['~standard'].validate(value);
  if (result instanceof Promise) throw new Error('must answer at once');
  return result;
};
const agrees = (value: unknown): boolean => {
  const isGood = validate(value).issues === undefined;
  expect({ value, isGood }).toEqual({ value, isGood: preferencesSchema.safeParse(value).success });
  return isGood;
};

// Values that are near to good ones: right for another preference, one too many, too long, odd characters, odd names.
const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 42 }),
  fc.constantFrom(
    '',
    'a'.repeat(40),
    'a'.repeat(41),
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
const preset = fc.oneof(
  fc.record(
    { name: word, selectedTags: fc.array(word, { maxLength: 11 }), selectedTimeRange: word },
    { requiredKeys: [] },
  ),
  fc.constantFrom({ name: 'a', theme: 'dark' }, { selectedTags: [] }, { name: undefined }, null, []),
);
const value = fc.oneof(
  fc.boolean(),
  word,
  fc.array(word, { maxLength: 31 }),
  fc.array(preset, { maxLength: 11 }),
  fc.jsonValue(),
  fc.constant(undefined),
);

test('zod and the check without zod are of one opinion about every preference', () => {
  let good = 0;
  fc.assert(
    fc.property(fc.constantFrom(...KEYS, '__proto__', 'constructor', 'toString', ''), value, (key, one) => {
      if (agrees(Object.fromEntries([[key, one]]))) good += 1;
    }),
    { numRuns: 3_000 },
  );
  expect(good).toBeGreaterThan(100);
});

test('and about whole preferences, and about what is none', () => {
  fc.assert(fc.property(anyPreferences, (preferences) => agrees(preferences)));
  fc.assert(fc.property(fc.jsonValue(), (any) => void agrees(any)));
  for (const odd of [undefined, null, [], new Date(0), 'theme', 7]) agrees(odd);
});

test('what is wrong first is said as a sentence that names the preference', () => {
  const said = (value: unknown): unknown => validate(value).issues?.map(({ message }) => message);
  expect(said({ theme: 'pink', recapTime: '25:00' })).toEqual(['theme must be one of light, dark, system']);
  expect(said({ recapTime: '25:00' })).toEqual(['recapTime must be a time like 07:30']);
  expect(said({ volume: 3 })).toEqual(['volume is not known']);
  expect(said({ filterPresets: [{ selectedTags: [] }] })).toEqual([
    'filterPresets name must be 1 to 40 printable characters',
  ]);
});
