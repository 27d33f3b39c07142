import fc from 'fast-check';
import { anyDocumentOf, toUsername } from '../testing/arbitraries.ts';
import { designFunction } from '../testing/design-files.ts';
import { PREFERENCE_RULES, type Rule } from './preference-rules.ts';
import { findSecretField, looksSecret, secretFields } from './secret-fields.ts';
import { newUserDocument } from './user-document.ts';

const viewRows = (document: unknown): unknown[] => {
  const rows: unknown[] = [];
  const map = designFunction(['views', 'suspicious_fields', 'map'], (key, path) => rows.push({ key, path }));
  map(document);
  return rows;
};

const SECRET_NAMES = ['password', 'Pass_Word', 'apiToken', 'x-api-key', 'salt', 'hash', 'pin', 'otp', 'JWT', 'cookies'];
const HARMLESS_NAMES = ['theme', 'spin', 'asphalt', 'hashtags', 'salted', 'opinion', 'desktop', '', 'ключ', '12'];
const key = fc.oneof(fc.constantFrom(...SECRET_NAMES, ...HARMLESS_NAMES), fc.string({ maxLength: 12 }));
const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 11, depthSize: 'large' },
    fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;

test('the gate and the view return the same fields', () => {
  fc.assert(
    fc.property(anyJson, (document) => {
      // Served and indexed documents are parsed from JSON.
      const stored: unknown = JSON.parse(JSON.stringify(document));
      expect([...secretFields(stored)]).toEqual(viewRows(stored));
      expect(findSecretField(stored)).toEqual([...secretFields(stored)][0]);
    }),
    { numRuns: 500 },
  );
});

test('the gate and the view have the same depth limit', () => {
  const nested = (levels: number): unknown => (levels === 0 ? { token: 1 } : { a: nested(levels - 1) });
  for (const levels of [0, 1, 16, 102, 127, 128, 129, 140]) {
    expect([...secretFields(nested(levels))]).toEqual(viewRows(nested(levels)));
    expect(findSecretField(nested(levels)) === undefined).toBe(levels > 128);
  }
});

test('distinguishes secret names from harmless ones', () => {
  expect(SECRET_NAMES.filter((name) => !looksSecret(name))).toEqual([]);
  expect(HARMLESS_NAMES.filter(looksSecret)).toEqual([]);
});

test('returns the path of a field, not its value', () => {
  expect(findSecretField({ preferences: { list: [{ apiToken: 'sesame' }] } })).toEqual({
    key: 'apiToken',
    path: 'preferences.list.0.apiToken',
  });
});

test('no preference name looks like a secret, so no valid user document is rejected', () => {
  const namesIn = (rule: Rule): string[] => {
    if (rule.kind === 'list') return namesIn(rule.of);
    if (rule.kind !== 'record') return [];
    return [...Object.keys(rule.members), ...Object.values(rule.members).flatMap(namesIn)];
  };
  const names = [...Object.keys(PREFERENCE_RULES), ...Object.values<Rule>(PREFERENCE_RULES).flatMap(namesIn)];
  expect(names.filter(looksSecret)).toEqual([]);

  const alice = toUsername('alice');
  const couch = {
    _rev: '1-a',
    _revisions: { start: 1, ids: ['a'] },
    _conflicts: ['1-b'],
    _revs_info: [{ rev: '1-a' }],
  };
  expect(findSecretField({ ...newUserDocument(alice, new Date()), ...couch })).toBeUndefined();
  fc.assert(fc.property(anyDocumentOf(alice), (document) => findSecretField(document) === undefined));
});
