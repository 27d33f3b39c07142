import fc from 'fast-check';
import { anyPreferences } from '../testing/arbitraries.ts';
import { preferencesStandardSchema } from './preferences-standard-schema.ts';
import { PREFERENCE_RULES } from './preference-rules.ts';
import { preferencesSchema } from './preferences.ts';

const KEYS = Object.keys(PREFERENCE_RULES);

const validate = (value: unknown) => {
  const result = preferencesStandardSchema['~standard'].validate(value);
  if (result instanceof Promise) throw new Error('must answer at once');
  return result;
};
const expectSameVerdict = (value: unknown): boolean => {
  const isGood = validate(value).issues === undefined;
  expect({ value, isGood }).toEqual({ value, isGood: preferencesSchema.safeParse(value).success });
  return isGood;
};

// Values that are near to good ones: right for another preference, one too many, too long, odd characters, odd names.
const anyText = fc.oneof(
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

test('zod and the check without zod are of one opinion about every preference', () => {
  let good = 0;
  fc.assert(
    fc.property(fc.constantFrom(...KEYS, '__proto__', 'constructor', 'toString', ''), anyValue, (key, one) => {
      if (expectSameVerdict(Object.fromEntries([[key, one]]))) good += 1;
    }),
    { numRuns: 3_000 },
  );
  expect(good).toBeGreaterThan(100);
});

test('and about whole preferences, and about what is none', () => {
  fc.assert(fc.property(anyPreferences, (preferences) => expectSameVerdict(preferences)));
  fc.assert(fc.property(fc.jsonValue(), (any) => void expectSameVerdict(any)));
  for (const odd of [undefined, null, [], new Date(0), 'theme', 7]) expectSameVerdict(odd);
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
