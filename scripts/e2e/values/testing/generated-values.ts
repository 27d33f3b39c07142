/** Preferences and JSON texts to set them to: valid, nearly valid, and hostile. */
import fc from 'fast-check';
import { PREFERENCE_KEYS, anyPreferences } from '../../../../couchdb-design/testing/arbitraries.ts';
import { schema as customSchema } from './custom-preferences.ts';

/** A text is the value's JSON. `fill` fills the document up to its limit and `excess` bytes more. */
export type GeneratedValue =
  | { readonly key: string; readonly text: string }
  | { readonly key: string; readonly fill: string; readonly excess: number };

const ODD_NAMES = ['__proto__', 'constructor', 'toString', '_id', '', 'a b', 'a/b', 'a.b', 'ä', '\ud800', '$ref'];
const SECRET_NAMES = ['password', 'apiToken', 'api_key', 'SALT', 'p.i.n', 'client-secret', 'passwörd'];
const UNKNOWN_KEYS = [...ODD_NAMES, ...SECRET_NAMES, 'Theme', 'theme ', 'edits', 'a'.repeat(65), 'unknown'];

const UNITS = [
  'a',
  'ä',
  '😀',
  'e\u0301',
  '\u2028',
  '"',
  '\\',
  '\u0000',
  '\n',
  '\u007f',
  '\u0085',
  '\ud800',
  '\udc00',
  '\u200d',
  ' ',
];
const unit = fc.constantFrom(...UNITS);

/** Texts whose length is around a limit, in code units or in code points, with one unusual character. */
const limitedText = fc
  .record({
    length: fc.constantFrom(0, 1, 19, 20, 21, 39, 40, 41, 63, 64, 65, 80),
    unit: fc.constantFrom('a', 'ä', '😀', 'e\u0301', 'Z'),
    odd: fc.option(unit),
  })
  .map(({ length, unit: repeated, odd }) => repeated.repeat(length) + (odd ?? ''));

const anyText = fc.oneof(
  limitedText,
  fc.array(unit, { maxLength: 6 }).map((units) => units.join('')),
  fc.constantFrom(
    'light',
    'dark',
    'DARK',
    'kanban',
    'cosy',
    'all',
    'true',
    '07:30',
    '7:30',
    '24:00',
    '23:59',
    '07:30:00',
    '07:30\n',
  ),
  fc.constantFrom(
    'UTC',
    'Europe/Vienna',
    'europe/vienna',
    'Europe/Nowhere',
    'America/Argentina/Buenos_Aires',
    'Etc/GMT+5',
    'a/b/c/d',
    '+02:00',
  ),
);

/** Numbers as texts, which JSON.stringify would normalise. */
const numberText = fc.constantFrom(
  '0',
  '-0',
  '1',
  '8',
  '40',
  '41',
  '7.5',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '1E2',
  '0.1',
  '5e-324',
);

const memberName = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('x', 'y', 'name', 'selectedTags') },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_NAMES, ...SECRET_NAMES) },
);

const quote = (text: string): string => JSON.stringify(text);

/** Any JSON text. */
const { json } = fc.letrec<{ json: string; list: string; object: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyText.map(quote),
    numberText,
    fc.constantFrom('true', 'false'),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(fc.oneof(tie('json'), fc.constant('null')), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
  object: fc
    .array(fc.tuple(memberName, tie('json')), { maxLength: 3 })
    .map((members) => `{${members.map(([name, value]) => `${quote(name)}:${value}`).join(',')}}`),
}));

const nested = (depth: number, inner: string): string => '['.repeat(depth) + inner + ']'.repeat(depth);
const nestedObject = (depth: number): string => '{"x":'.repeat(depth) + '1' + '}'.repeat(depth);

const deepText = fc.oneof(
  fc
    .record({
      depth: fc.constantFrom(14, 15, 16, 17, 32, 100, 129, 5_000),
      inner: fc.constantFrom('', '1', '{}', '""'),
    })
    .map(({ depth, inner }) => nested(depth, inner)),
  fc.constantFrom(15, 16, 17, 1_000).map(nestedObject),
);

/** Lists around the limits of items. */
const listText = fc
  .record({ length: fc.constantFrom(0, 1, 5, 6, 10, 11, 29, 30, 31), item: fc.oneof(anyText.map(quote), json) })
  .map(({ length, item }) => `[${Array.from({ length }, () => item).join(',')}]`);

const presetText = fc
  .array(
    fc.tuple(
      fc.constantFrom('name', 'selectedTags', 'selectedTimeRange', 'other', '__proto__'),
      fc.oneof(anyText.map(quote), listText),
    ),
    { maxLength: 4 },
  )
  .map((members) => `[{${members.map(([name, value]) => `${quote(name)}:${value}`).join(',')}}]`);

const largeText = fc
  .record({ length: fc.constantFrom(1_000, 20_000, 33_000, 66_000), unit: fc.constantFrom('a', 'ä', '"') })
  .map(({ length, unit: repeated }) => quote(repeated.repeat(length / (repeated === 'a' ? 1 : 2))));

const anyTextOf = (key: fc.Arbitrary<string>): fc.Arbitrary<GeneratedValue> =>
  fc.record({
    key,
    text: fc.oneof(
      { weight: 4, arbitrary: anyText.map(quote) },
      { weight: 1, arbitrary: numberText },
      { weight: 4, arbitrary: json },
      { weight: 3, arbitrary: listText },
      { weight: 1, arbitrary: deepText },
      { weight: 1, arbitrary: largeText },
    ),
  });

const validBuiltIn: fc.Arbitrary<GeneratedValue> = anyPreferences
  .filter((preferences) => Object.keys(preferences).length > 0)
  .chain((preferences) => fc.constantFrom(...Object.entries(preferences)))
  .map(([key, value]) => ({ key, text: JSON.stringify(value) }));

const unknown = anyTextOf(fc.constantFrom(...UNKNOWN_KEYS));

/** For the built-in schema. */
export const builtInValue: fc.Arbitrary<GeneratedValue> = fc.oneof(
  { weight: 3, arbitrary: validBuiltIn },
  { weight: 6, arbitrary: anyTextOf(fc.constantFrom(...PREFERENCE_KEYS)) },
  { weight: 1, arbitrary: presetText.map((text) => ({ key: 'filterPresets', text })) },
  { weight: 1, arbitrary: unknown },
);

/** For the custom schema, whose documents can reach the limit of size. */
export const customValue: fc.Arbitrary<GeneratedValue> = fc.oneof(
  { weight: 6, arbitrary: anyTextOf(fc.constantFrom(...Object.keys(customSchema.shape))) },
  { weight: 3, arbitrary: anyTextOf(fc.constantFrom('any', 'entries')) },
  {
    weight: 2,
    arbitrary: fc.record({
      key: fc.constant('any'),
      fill: fc.constantFrom('a', 'ä', '😀', '"', '\u0001'),
      excess: fc.integer({ min: -3, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: unknown },
);

/** What a person can type to the bot as one word. */
export const botValue = fc.record({
  key: fc.constantFrom('theme', 'viewMode', 'timezone', 'briefingTime'),
  value: fc
    .oneof(anyText, fc.constantFrom('light', 'graph', 'table', 'system'))
    .filter((text) => /^[\x21-\x7e]+$/.test(text)),
});
