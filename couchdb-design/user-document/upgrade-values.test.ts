import fc from 'fast-check';
import { anyStamp, toUsername } from '../testing/arbitraries.ts';
import { nextEditStamp, type EditStamp } from './edit-stamp.ts';
import type { JsonObject } from './json.ts';
import { applyEdit, merge } from './merge.ts';
import type { Upgrade } from './upgrade-function.ts';
import { derivedStates, upgradeDocument } from './upgrade-values.ts';
import { newUserDocument, type UserDocument } from './user-document-shape.ts';

type Values = JsonObject;
type Document = UserDocument<Values>;

const empty = newUserDocument<Values>(toUsername('alice'), new Date(0));
const stampAt = (seconds: number): EditStamp =>
  nextEditStamp({ now: seconds * 1_000, device: 'aaaaa', seen: undefined });
const documentOf = (preferences: Values, edits: Readonly<Record<string, EditStamp>>): Document => ({
  ...empty,
  preferences,
  edits,
});
const shownBy = (upgrade: Upgrade | undefined, document: Document): Values =>
  upgradeDocument(document, upgrade).preferences;

/** Version 2 of an application: `colour` has become `theme`, and a language has become a list of them. */
const renameColour: Upgrade = ({ colour, ...values }) =>
  colour === undefined || 'theme' in values ? values : { ...values, theme: colour };
/** The same in another style: the old value comes first, and stays. */
const preferColour: Upgrade = (values) => ('colour' in values ? { ...values, theme: values['colour'] } : values);
const listLanguage: Upgrade = ({ language, ...values }) =>
  language === undefined ? values : { ...values, language: Array.isArray(language) ? language : [language] };
const joinNames: Upgrade = ({ first, last, ...values }) =>
  'name' in values || typeof first !== 'string' || typeof last !== 'string'
    ? values
    : { ...values, name: `${first} ${last}` };
const UPGRADES: readonly Upgrade[] = [
  renameColour,
  preferColour,
  listLanguage,
  joinNames,
  (values) => joinNames(listLanguage(renameColour(values))),
  (values) => ({ theme: 'constant', ...values }),
];

const KEYS = ['colour', 'theme', 'language', 'first', 'last', 'name', 'constructor'];
const anyValue = fc.constantFrom<unknown>('a', 'b', ['a'], [], { a: 1 }, 0, false);
const anyDocument: fc.Arbitrary<Document> = fc
  .record({
    preferences: fc.dictionary(fc.constantFrom(...KEYS), anyValue),
    edits: fc.dictionary(fc.constantFrom(...KEYS), anyStamp),
  })
  .map(({ preferences, edits }) => documentOf({ ...preferences }, { ...edits }));
const anyUpgrade = fc.constantFrom(...UPGRADES);

const addDerived = (document: Document, upgrade: Upgrade): Document => {
  const states = derivedStates(document, upgrade);
  const pick = (part: 'value' | 'stamp') => Object.fromEntries(states.map((state) => [state.key, state[part]]));
  return merge<Values>([
    document,
    { ...document, preferences: pick('value'), edits: pick('stamp') as Document['edits'] },
  ]);
};

test('the newer one of the old and the new key is shown, whichever of them the upgrade prefers', () => {
  for (const upgrade of [renameColour, preferColour]) {
    for (const [colourAt, themeAt, expected] of [
      [2, 1, 'light'],
      [1, 2, 'dark'],
    ] as const) {
      const edits = { colour: stampAt(colourAt), theme: stampAt(themeAt) };
      const shown = upgradeDocument(documentOf({ colour: 'light', theme: 'dark' }, edits), upgrade);
      expect(shown.preferences['theme']).toBe(expected);
      expect(shown.edits['theme']).toBe(stampAt(2));
    }
  }
});

test('a removal of the new key stays, until the old key is edited again', () => {
  const removed = documentOf({ colour: 'light' }, { colour: stampAt(1), theme: stampAt(2) });
  expect(shownBy(renameColour, removed)).toEqual({});
  expect(shownBy(renameColour, applyEdit(removed, { colour: 'dark' }, stampAt(3)))).toEqual({ theme: 'dark' });
});

test('a value of an earlier form is shown converted, and stays stored as it is', () => {
  const document = documentOf({ language: 'de' }, { language: stampAt(1) });
  expect(upgradeDocument(document, listLanguage)).toEqual({ ...document, preferences: { language: ['de'] } });
  expect(derivedStates(document, listLanguage)).toEqual([]);
});

test('a derived value has the stamp of its newest source', () => {
  const document = documentOf({ first: 'Ada', last: 'Byron', colour: 'x' }, { first: stampAt(3), last: stampAt(2) });
  expect(derivedStates(document, joinNames)).toEqual([{ key: 'name', value: 'Ada Byron', stamp: stampAt(3) }]);
  const twice: Upgrade = (values) => ({ theme: values['colour'] ?? values['skin'], ...values });
  const sources = documentOf({ colour: 'x', skin: 'x' }, { colour: stampAt(1), skin: stampAt(2) });
  expect(derivedStates(sources, twice)).toEqual([{ key: 'theme', value: 'x', stamp: stampAt(2) }]);
});

test('constants, unstamped sources and stored preferences are not written', () => {
  expect(derivedStates(documentOf({ colour: 'x' }, {}), renameColour)).toEqual([]);
  expect(derivedStates(documentOf({}, {}), () => ({ theme: 'x' }))).toEqual([]);
  expect(derivedStates(documentOf({ colour: 'x' }, { colour: stampAt(2), theme: stampAt(1) }), renameColour)).toEqual(
    [],
  );
});

test('a value that the application cannot read does not hide one that it can', () => {
  const isValid = (_key: string, value: unknown): boolean => value !== 'purple';
  const show = (document: Document): Values => upgradeDocument(document, renameColour, isValid).preferences;
  const edits = { colour: stampAt(2), theme: stampAt(1) };
  expect(show(documentOf({ colour: 'purple', theme: 'dark' }, edits))).toEqual({ theme: 'dark' });
  expect(show(documentOf({ colour: 'dark', theme: 'purple' }, { colour: stampAt(1) }))).toEqual({ theme: 'dark' });
  expect(show(documentOf({ colour: 'purple' }, { colour: stampAt(1) }))).toEqual({});
  expect(derivedStates(documentOf({ colour: 'purple' }, { colour: stampAt(1) }), renameColour, isValid)).toEqual([]);
});

const cycle: Record<string, unknown> = {};
cycle['theme'] = cycle;
test.each<[string, unknown]>([
  ['throws', undefined],
  ['returns null', null],
  ['returns a text', 'x'],
  ['returns an array', []],
  ['returns a promise', Promise.resolve({})],
])('an upgrade that %s changes nothing', (_name, result) => {
  const upgrade = (): Values => {
    if (result === undefined) throw new Error('failed');
    return result as Values;
  };
  const document = documentOf({ theme: 'dark' }, { theme: stampAt(1), colour: stampAt(2) });
  expect(upgradeDocument(document, upgrade)).toEqual(document);
  expect(derivedStates(document, upgrade)).toEqual([]);
});

test.each<[string, unknown]>([
  ['NaN', NaN],
  ['undefined', undefined],
  ['a function', () => 1],
  ['a big integer', 1n],
  ['a cycle', cycle],
])('a derived value that is %s is none', (_name, value) => {
  const document = documentOf({ colour: 'x' }, { colour: stampAt(1) });
  const upgrade: Upgrade = (values) => ({ ...values, theme: value });
  expect(upgradeDocument(document, upgrade)).toEqual(document);
  expect(derivedStates(document, upgrade)).toEqual([]);
});

test('the document is not changed, even by an upgrade that changes its input', () => {
  const impure: Upgrade = (values) => {
    (values['list'] as number[] | undefined)?.push(1);
    delete (values as Record<string, unknown>)['theme'];
    return values;
  };
  const document = documentOf({ list: [], theme: 'dark' }, {});
  upgradeDocument(document, impure);
  expect(document.preferences).toEqual({ list: [], theme: 'dark' });
});

const countCalls = (document: Document, upgrade: Upgrade): number => {
  let calls = 0;
  upgradeDocument(document, (values) => {
    calls += 1;
    return upgrade(values);
  });
  return calls;
};
const manyValues = (count: number): Values =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));

test('the sources of a value among many are found in few steps', () => {
  const document = documentOf({ ...manyValues(100), first: 'Ada', last: 'Byron' }, { first: stampAt(3) });
  expect(derivedStates(document, joinNames)).toEqual([{ key: 'name', value: 'Ada Byron', stamp: stampAt(3) }]);
  expect(countCalls(document, joinNames)).toBeLessThan(150);
});

test('removals of any names cost no upgrades', () => {
  const edits = Object.fromEntries(Object.keys(manyValues(1_000)).map((key) => [key, stampAt(1)]));
  expect(countCalls(documentOf({ theme: 'dark' }, edits), renameColour)).toBeLessThan(10);
});

test('a document with thousands of values is upgraded once, as a whole', () => {
  const document = documentOf({ ...manyValues(5_000), colour: 'dark' }, { colour: stampAt(1), k0: stampAt(2) });
  const shown = upgradeDocument(document, renameColour);
  expect(shown.preferences).toEqual({ ...manyValues(5_000), theme: 'dark' });
  expect(shown.edits).toEqual({ k0: stampAt(2) });
  expect(derivedStates(document, renameColour)).toEqual([]);
  expect(countCalls(document, renameColour)).toBe(1);
});

test('an upgrade of an upgraded document changes nothing', () => {
  fc.assert(
    fc.property(anyDocument, anyUpgrade, (document, upgrade) => {
      const shown = upgradeDocument(document, upgrade);
      expect(upgradeDocument(shown, upgrade)).toEqual(shown);
    }),
  );
});

test('what is shown does not change when the derived values are stored, and they are derived once', () => {
  fc.assert(
    fc.property(anyDocument, anyUpgrade, (document, upgrade) => {
      const stored = addDerived(document, upgrade);
      expect(shownBy(upgrade, stored)).toEqual(shownBy(upgrade, document));
      expect(derivedStates(stored, upgrade)).toEqual([]);
    }),
  );
});

test('two devices derive the same states, whatever the order of the members', () => {
  const reverse = <T extends object>(members: T): T => Object.fromEntries(Object.entries(members).reverse()) as T;
  fc.assert(
    fc.property(anyDocument, anyUpgrade, (document, upgrade) => {
      const other = { ...document, preferences: reverse(document.preferences), edits: reverse(document.edits) };
      const sort = (states: ReturnType<typeof derivedStates>) => states.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      expect(sort(derivedStates(other, upgrade))).toEqual(sort(derivedStates(document, upgrade)));
      expect(upgradeDocument(other, upgrade).edits).toEqual(upgradeDocument(document, upgrade).edits);
    }),
  );
});

/** One edit by a device, or the exchange of all documents. */
type Step =
  { readonly device: number; readonly key: 'colour' | 'theme' | 'other'; readonly value: string | null } | 'sync';

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    device: fc.nat(2),
    key: fc.constantFrom('colour' as const, 'theme' as const, 'other' as const),
    value: fc.option(fc.constantFrom('a', 'b', 'c', 'd')),
  }),
  fc.constant('sync' as const),
);

test('an old and a new version side by side lose nothing: each shows the newest edit that it can read', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 12 }), fc.constantFrom(renameColour, preferColour), (steps, upgrade) => {
      let documents: readonly Document[] = [empty, empty, empty];
      const last: Record<string, { readonly value: string | null; readonly stamp: EditStamp }> = {};
      for (const [index, step] of steps.entries()) {
        if (step === 'sync') {
          const [first = empty, ...others] = documents;
          const merged = merge<Values>([first, ...others]);
          documents = documents.map(() => merged);
          continue;
        }
        const { device, key, value } = step;
        const stamp = stampAt(index);
        last[key] = { value, stamp };
        // The old version knows `colour`, the new one `theme`. Only the new one upgrades what it writes.
        documents = documents.map((document, each) =>
          each === device
            ? applyEdit(key === 'colour' ? document : addDerived(document, upgrade), { [key]: value }, stamp)
            : document,
        );
      }
      const [first = empty, ...others] = documents;
      const merged = merge<Values>([first, ...others]);
      expect(merged.preferences['colour'] ?? null).toBe(last['colour']?.value ?? null);
      expect(merged.preferences['other'] ?? null).toBe(last['other']?.value ?? null);
      const shown = upgradeDocument(merged, upgrade);
      const { theme, colour } = last;
      const hasColour = colour !== undefined && colour.value !== null;
      if (hasColour && colour.stamp > (theme?.stamp ?? '')) {
        expect([shown.preferences['theme'], shown.edits['theme']]).toEqual([colour.value, colour.stamp]);
      } else if (hasColour && theme) {
        expect([shown.preferences['theme'] ?? null, shown.edits['theme']]).toEqual([theme.value, theme.stamp]);
      } else if (theme) {
        // A value that was derived before the old key was removed may be newer.
        expect((shown.edits['theme'] ?? '') >= theme.stamp).toBe(true);
      }
    }),
  );
});
