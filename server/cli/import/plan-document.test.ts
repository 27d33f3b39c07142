import fc from 'fast-check';
import { anyPreferences, toUsername } from '../../../couchdb-design/testing/arbitraries.ts';
import { newDeviceId, nextEditStamp } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { applyEdit } from '../../../couchdb-design/user-document/merge.ts';
import {
  newUserDocument,
  type UserDocument,
  type Values,
} from '../../../couchdb-design/user-document/user-document.ts';
import { defaultPreferenceDefinition } from '../../preferences/schema.ts';
import { mergeUsers, toMappedUser, type MappedUser } from './mapped-user.ts';
import { planDocument } from './plan-document.ts';

const rules = defaultPreferenceDefinition();
const NOW = Date.UTC(2026, 10, 1);
const mappingRules = {
  schema: rules.schema,
  idOf: rules.idOf,
  hasPasswordSignIn: true,
  supportsAllFunctions: true,
  now: NOW,
};
const map = (mapped: object): MappedUser => {
  const user = toMappedUser({ username: 'alice', ...mapped }, mappingRules);
  if (typeof user === 'string') throw new Error(user);
  return user;
};
const stored = (document: UserDocument<Values>, rev = '1-a') => [{ ...document, _rev: rev }];

/** The document after the import; the stored one if nothing is written. */
const importInto = (
  existing: UserDocument<Values> | undefined,
  imported: UserDocument<Values>,
): UserDocument<Values> => {
  const plan = planDocument(existing === undefined ? [] : stored(existing), imported, rules);
  if (plan.kind === 'unchanged' && existing !== undefined) return existing;
  if (plan.kind !== 'write') throw new Error(JSON.stringify(plan));
  return { ...plan.document, _rev: undefined } as UserDocument<Values>;
};

const anyUpdate = fc.option(fc.integer({ min: 0, max: NOW + 1e9 }), { nil: undefined });
const anySource = fc.record({ preferences: anyPreferences, updatedAt: anyUpdate });

test('an import that runs again writes nothing', () => {
  fc.assert(
    fc.property(anySource, (source) => {
      const { document } = map(source);
      expect(planDocument(stored(importInto(undefined, document)), document, rules)).toEqual({
        kind: 'unchanged',
        kept: [],
      });
    }),
  );
});

test('the order of the documents of one user does not matter, nor whether they are in one batch', () => {
  fc.assert(
    fc.property(anySource, anySource, (a, b) => {
      const [first, second] = [map(a), map(b)];
      const contents = ({ preferences, edits }: UserDocument<Values>) => ({ preferences, edits });
      const expected = contents(importInto(importInto(undefined, first.document), second.document));
      expect(contents(importInto(importInto(undefined, second.document), first.document))).toEqual(expected);
      expect(contents(importInto(undefined, mergeUsers([first, second]).document))).toEqual(expected);
    }),
  );
});

test('no edit of a user is replaced, whatever the times, and the report names those that differ', () => {
  fc.assert(
    fc.property(anySource, anyPreferences, fc.integer({ min: 0, max: NOW }), (source, edited, time) => {
      const stamp = nextEditStamp({ now: time, device: newDeviceId(() => 0.5), seen: undefined });
      const before = applyEdit(newUserDocument<Values>(toUsername('alice'), new Date(0)), edited, stamp);
      const { document: imported } = map(source);
      const plan = planDocument(stored(before), imported, rules);
      const after = importInto(before, imported);
      for (const key of Object.keys(edited)) {
        expect([after.preferences[key], after.edits[key]]).toEqual([before.preferences[key], stamp]);
      }
      for (const key of Object.keys(imported.preferences)) {
        if (!Object.hasOwn(edited, key)) expect(after.preferences[key]).toEqual(imported.preferences[key]);
      }
      if (plan.kind === 'write' || plan.kind === 'unchanged')
        expect(plan.kept.every((key) => Object.hasOwn(edited, key))).toBe(true);
    }),
  );
});

test('a value that the source has changed since replaces the imported one', () => {
  const first = importInto(undefined, map({ preferences: { theme: 'light' }, updatedAt: '2026-01-01' }).document);
  const second = importInto(first, map({ preferences: { theme: 'dark' }, updatedAt: '2026-02-01' }).document);
  expect(second.preferences).toEqual({ theme: 'dark' });
  expect(importInto(second, map({ preferences: { theme: 'light' }, updatedAt: '2026-01-01' }).document)).toBe(second);
});

test('no imported stamp is later than the import', () => {
  const { document } = map({ preferences: { theme: 'dark' }, updatedAt: NOW + 1e9 });
  expect(document.edits['theme']).toBe(`${new Date(NOW).toISOString()}-0000-0i000`);
});

test('a deleted or unreadable document is skipped, and one in conflict is resolved first', () => {
  const { document } = map({ preferences: { theme: 'dark' } });
  const plan = (existing: Parameters<typeof planDocument>[0]) => planDocument(existing, document, rules);
  expect(plan([{ _rev: '2-a', _deleted: true }])).toMatchObject({
    kind: 'skip',
    reason: expect.stringContaining('deleted') as string,
  });
  expect(plan([{ ...document, _rev: '1-a', version: 2 } as never])).toMatchObject({
    kind: 'skip',
    reason: expect.stringContaining('version 2') as string,
  });
  const leaves = [`1-${'a'.repeat(32)}`, `1-${'b'.repeat(32)}`].flatMap((rev) => stored(document, rev));
  expect(plan(leaves)).toMatchObject({ kind: 'resolve' });
});

test('values of unknown keys and of existing malformed documents stay', () => {
  const before = {
    ...newUserDocument<Values>(toUsername('alice'), new Date(0)),
    preferences: { drak: 1, theme: 'pink' },
  };
  const after = importInto(before, map({ preferences: { theme: 'zzz', viewMode: 'table' }, updatedAt: 5 }).document);
  expect(after.preferences).toEqual({ drak: 1, theme: 'pink', viewMode: 'table' });
});
