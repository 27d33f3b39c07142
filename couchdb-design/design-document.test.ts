import fc from 'fast-check';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { anyDocumentOf, anyUsername, toUsername } from './testing/arbitraries.ts';
import {
  designDocument,
  designFunction,
  securityObject,
  functionSource,
  type DesignTree,
} from './testing/design-files.ts';
import { newUserDocument, withDefaults } from './user-document/user-document.ts';

PouchDB.plugin(memoryAdapter);

type Row = readonly [key: unknown, value: unknown];

const rowsOf = (view: string, document: unknown): Row[] => {
  const rows: Row[] = [];
  designFunction(['views', view, 'map'], (key, value) => rows.push([key, value]))(document);
  return rows;
};

const functionsOf = (tree: DesignTree): string[] =>
  Object.values(tree).flatMap((value) =>
    typeof value === 'object' ? functionsOf(value) : value.includes('function') ? [value] : [],
  );

const alice = toUsername('alice');
const fresh = newUserDocument(alice, new Date(Date.UTC(2026, 10, 22)));

test('the design document has only the members that CouchDB reads', () => {
  const design = designDocument();
  expect(Object.keys(design).sort()).toEqual(['_id', 'filters', 'language', 'validate_doc_update', 'views']);
  expect(design).toMatchObject({ _id: '_design/registry', language: 'javascript' });
  expect(Object.keys(design['views'] ?? {}).sort()).toEqual([
    'briefings_due',
    'by_updated_at',
    'by_version',
    'conflicts',
    'recaps_due',
    'suspicious_fields',
  ]);
});

test('no comment precedes a function, since a multi-line one would end PouchDB’s return statement', () => {
  const functions = functionsOf(designDocument());
  expect(functions).toHaveLength(8);
  for (const source of functions) expect(source).toMatch(/^\(function \(/);
});

test('access to the registry requires a role', () => {
  expect(securityObject()).toEqual({
    admins: { names: [], roles: ['_admin'] },
    members: { names: [], roles: ['registry_user', 'pouchgate_service'] },
  });
});

test.each([
  ['briefings_due', 'dailyBriefing', 'briefingTime'],
  ['recaps_due', 'dailyRecap', 'recapTime'],
] as const)('%s lists the users who enabled it, by time zone and time with defaults applied', (view, enabled, time) => {
  fc.assert(
    fc.property(anyDocumentOf(alice), (document) => {
      const effective = withDefaults(document.preferences);
      expect(rowsOf(view, document)).toEqual(
        effective[enabled] ? [[[effective.timezone, effective[time]], 'alice']] : [],
      );
    }),
  );
});

test('by_updated_at and by_version list every user document once', () => {
  fc.assert(
    fc.property(anyDocumentOf(alice), (document) => {
      expect(rowsOf('by_updated_at', document)).toEqual([[document.updated_at, 'alice']]);
      expect(rowsOf('by_version', document)).toEqual([[1, 'alice']]);
    }),
  );
});

test('by_version counts a document without a version as version 0', () => {
  expect(rowsOf('by_version', { _id: 'user_alice', type: 'user_preferences', username: 'alice' })).toEqual([
    [0, 'alice'],
  ]);
});

test('no view of user documents lists a document of another type', () => {
  const other = { ...fresh, type: 'something', preferences: { dailyBriefing: true, dailyRecap: true } };
  for (const view of ['briefings_due', 'recaps_due', 'by_updated_at', 'by_version', 'conflicts']) {
    expect(rowsOf(view, other)).toEqual([]);
  }
});

test('no valid document has a suspicious field', () => {
  fc.assert(fc.property(anyDocumentOf(alice), (document) => rowsOf('suspicious_fields', document).length === 0));
});

test.each([
  'password',
  'password_hash',
  'passwordHash',
  'token',
  'refresh-token',
  'api_key',
  'client_secret',
  'salt',
  'JWT',
])('suspicious_fields lists a field named %s at any depth', (key) => {
  expect(rowsOf('suspicious_fields', { ...fresh, [key]: 'x' })).toEqual([[key, key]]);
  expect(rowsOf('suspicious_fields', { _id: 'x', list: [{ [key]: 1 }] })).toEqual([[key, `list.0.${key}`]]);
});

test('no view throws for any document, since an error would silently omit it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (members) => {
      for (const view of Object.keys(designDocument()['views'] ?? {})) {
        expect(() => rowsOf(view, { type: 'user_preferences', ...members, _id: 'x' })).not.toThrow();
      }
    }),
  );
});

test('no view throws for a deeply nested document', () => {
  const deep: unknown = JSON.parse(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`);
  expect(rowsOf('suspicious_fields', deep)).toEqual([]);
});

test('the filter passes the document of its user, deleted or not, and no other', () => {
  const filter = designFunction(['filters', 'by_username']);
  fc.assert(
    fc.property(anyUsername, anyUsername, (name, other) => {
      const query = { username: name };
      expect(filter({ _id: `user_${name}`, _deleted: true }, { query })).toBe(true);
      expect(filter(newUserDocument(other, new Date(0)), { query })).toBe(name === other);
    }),
  );
  for (const query of [{}, { username: ['alice'] }, { username: '' }, { Username: 'alice' }]) {
    expect(filter(fresh, { query })).toBe(false);
  }
  expect(filter({ _id: '_design/registry' }, { query: { username: 'alice' } })).toBe(false);
});

test('the views and the filter work in PouchDB', async () => {
  const database = new PouchDB('design-document', { adapter: 'memory' });
  try {
    await database.put({ ...designDocument(), _id: '_design/registry' });
    const leaves = ['a', 'b', 'c'].map((digit) => ({
      ...fresh,
      preferences: { dailyBriefing: true },
      _rev: `1-${digit.repeat(32)}`,
      _revisions: { start: 1, ids: [digit.repeat(32)] },
    }));
    await database.bulkDocs([...leaves], { new_edits: false });
    await database.put({ ...newUserDocument(toUsername('bob'), new Date(0)) });
    const rows = async (view: string, options: PouchDB.Query.Options<object, object>): Promise<unknown[]> =>
      (await database.query(`registry/${view}`, options)).rows.map(
        ({ key, value }: { key: unknown; value: unknown }) => [key, value],
      );
    expect(await rows('conflicts', { reduce: false })).toEqual([[3, null]]);
    expect(await rows('briefings_due', { key: ['UTC', '07:00'] })).toEqual([[['UTC', '07:00'], 'alice']]);
    expect(await rows('by_version', { group: true })).toEqual([[1, 2]]);
    expect(await rows('suspicious_fields', { group: true })).toEqual([]);
    const changes = await database.changes({ filter: 'registry/by_username', query_params: { username: 'bob' } });
    expect(changes.results.map(({ id }) => id)).toEqual(['user_bob']);
  } finally {
    await database.destroy();
  }
});

test('each counting view uses CouchDB’s built-in reduce function', () => {
  for (const view of ['by_version', 'conflicts', 'suspicious_fields'])
    expect(functionSource('views', view, 'reduce')).toBe('_count');
});
