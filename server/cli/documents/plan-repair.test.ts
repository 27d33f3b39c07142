import fc from 'fast-check';
import { anyDocumentOf, toUsername } from '../../../couchdb-design/testing/arbitraries.ts';
import { editSourceOf } from '../../../couchdb-design/user-document/edit-sources.ts';
import { findSecretField } from '../../../couchdb-design/user-document/secret-fields.ts';
import { needsRepair, newUserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import { defaultPreferenceDefinition } from '../../preferences/schema.ts';
import { inspectLeaf } from './inspect-document.ts';
import { planRepair } from './plan-repair.ts';

const alice = toUsername('alice');
const definition = defaultPreferenceDefinition();
const rules = { read: definition.readUserDocument, now: Date.UTC(2026, 10, 1), device: '0cabc' };
const leafOf = (body: object, rev = `1-${'a'.repeat(32)}`) => ({ rev, body: { ...body, _rev: rev } });
const good = newUserDocument(alice, new Date(0));

test('repairs an envelope, drops malformed stamps and secrets, and keeps every other value', () => {
  const stamp = '2026-10-01T00:00:00.000Z-0000-w7f3a';
  const body = {
    _id: 'user_alice',
    version: 1,
    preferences: {
      theme: 'dark',
      drak: 'pink',
      viewMode: 7,
      apiToken: 's3cret',
      filterPresets: [{ name: 'a', password: 's3cret' }],
    },
    edits: { theme: 'yesterday', apiToken: stamp, filterPresets: stamp },
    created_at: '2026-01-01',
    password_hash: 's3cret',
  };
  const { document, changes, removesSecret, left } = planRepair([leafOf(body)], rules);
  expect(document).toMatchObject({
    username: 'alice',
    type: 'user_preferences',
    preferences: { theme: 'dark', drak: 'pink', viewMode: 7, filterPresets: [{ name: 'a' }] },
    created_at: '2026-01-01T00:00:00.000Z',
  });
  // A value that lost a secret wins over the one with the secret, which an offline device may still have.
  expect(Object.keys(document?.edits ?? {})).toEqual(['filterPresets']);
  expect(document?.edits['filterPresets'] ?? '').toMatch(/^2026-11-01/);
  expect(editSourceOf(document?.edits['filterPresets'] ?? '')).toBe('command line');
  expect(removesSecret).toBe(true);
  expect(left).toEqual([]);
  expect(changes.map(({ path }) => path)).toEqual([
    'created_at',
    'edits.apiToken',
    'edits.filterPresets',
    'edits.theme',
    'password_hash',
    'preferences.apiToken',
    'preferences.filterPresets',
    'type',
    'updated_at',
    'username',
  ]);
  expect(changes.find(({ path }) => path === 'preferences.filterPresets')).toEqual({
    path: 'preferences.filterPresets',
    before: '[{"name":"a"}]',
    after: '[{"name":"a"}]',
  });
  expect(JSON.stringify(changes)).not.toContain('s3cret');
});

const anyOddBody = fc
  .record({
    document: anyDocumentOf(alice),
    odd: fc.dictionary(
      fc.constantFrom('type', 'version', 'username', 'preferences', 'edits', 'created_at', 'token', 'x'),
      fc.jsonValue(),
    ),
  })
  .map(({ document, odd }): Readonly<Record<string, unknown>> => ({ ...document, ...odd, _id: 'user_alice' }))
  .filter(({ version }) => !(typeof version === 'number' && version > 1));

test('the repair of any body can be served, is well-formed, and is not repaired again', () => {
  fc.assert(
    fc.property(anyOddBody, (body) => {
      const { document, changes } = planRepair([leafOf(body)], rules);
      const repaired = document ?? body;
      expect(changes.length > 0).toBe(document !== undefined);
      expect(findSecretField(repaired)).toBeUndefined();
      expect(needsRepair(repaired)).toBe(false);
      expect(planRepair([leafOf(repaired)], { ...rules, now: rules.now + 1 })).toMatchObject({
        document: undefined,
        changes: [],
      });
    }),
  );
});

test('a well-formed document is not changed, and one of a newer version never', () => {
  expect(planRepair([leafOf(good)], rules)).toMatchObject({ document: undefined, changes: [], left: [] });
  const newer = planRepair([leafOf({ ...good, version: 2 })], rules);
  expect(newer).toMatchObject({ document: undefined, changes: [] });
  expect(newer.left).toEqual([expect.stringContaining('version 2')]);
});

test('names a document above the limit of its size, and repairs what is not about its size', () => {
  const large = { ...good, preferences: { notes: 'x'.repeat(70_000) }, edits: { notes: 'never' } };
  const { document, left } = planRepair([leafOf(large)], rules);
  expect(document?.edits).toEqual({});
  expect(left).toEqual([expect.stringContaining('65536 are the limit')]);
});

test('reports each kind of problem with its path, and never a value', () => {
  const body = {
    ...good,
    username: 'bob',
    preferences: { theme: 'pink-value', drak: 'pink-value', token: 'pink-value', notes: 'x'.repeat(70_000) },
    edits: { theme: '9500-01-01T00:00:00.000Z-0000-aaaaa' },
  };
  const problems = inspectLeaf(body, true, definition);
  expect(problems.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'secret preferences.token',
    'malformed username',
    'too-large ',
    'late-stamp edits.theme',
    'hidden preferences.theme',
    'hidden preferences.drak',
    'hidden preferences.notes',
  ]);
  expect(JSON.stringify(problems)).not.toContain('pink-value');
  expect(inspectLeaf({ ...good }, true, definition)).toEqual([]);
  expect(inspectLeaf({ ...good, version: 3 }, true, definition)).toMatchObject([{ kind: 'unreadable' }]);
  expect(inspectLeaf({}, false, definition)).toMatchObject([{ kind: 'foreign' }]);
});
