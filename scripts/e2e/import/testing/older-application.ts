/** A database of an older application, in which secrets, preferences and conflicts are mixed. */
import { pbkdf2Sync } from 'node:crypto';
import { connect, type UpstreamAccess } from '../../../../server/upstream/client.ts';

/** Part of every secret value, so that a search finds any of them. */
export const SECRET_MARK = 's3cret';
export const OLD_PASSWORD = 'correct-horse-battery';

/** A password hash as CouchDB before version 3.4 has it. Few iterations, because tests check it often. */
const hash = {
  password_scheme: 'pbkdf2',
  salt: `${SECRET_MARK}-salt`,
  iterations: 10,
  derived_key: pbkdf2Sync(OLD_PASSWORD, `${SECRET_MARK}-salt`, 10, 20, 'sha1').toString('hex'),
};

type Json = Readonly<Record<string, unknown>>;

/** A document of the older application. Every fifth has a hash that CouchDB cannot check. */
export function olderDocument(username: string, index: number): Json & { readonly _id: string } {
  return {
    _id: `user_${username}`,
    username,
    email: `${username}@example.org`,
    preferences: {
      theme: index % 2 === 0 ? 'dark' : 'light',
      selectedTags: [`tag ${index}`],
      apiToken: `${SECRET_MARK}-token-${index}`,
      filterPresets: index % 3 === 0 ? [{ name: 'mine', password: `${SECRET_MARK}-inner` }] : [{ name: 'mine' }],
      retiredPreference: true,
    },
    ...(index % 5 === 0 ? { password_hash: `$2b$12$${SECRET_MARK}` } : hash),
    refresh_tokens: [`${SECRET_MARK}-refresh-${index}`],
    created_at: '2024-02-03T04:05:06.000Z',
    updated_at: '2025-01-01T00:00:00.000Z',
  };
}

/** The revisions of a document: every tenth has a conflict, in which the losing revision was updated last. */
export function olderRevisions(username: string, index: number): Json[] {
  const document = olderDocument(username, index);
  if (index % 10 !== 0) return [{ ...document, _rev: `1-${'c'.repeat(32)}` }];
  const { preferences } = document as { preferences?: Json };
  const later = {
    ...document,
    preferences: { ...preferences, viewMode: 'table' },
    updated_at: '2025-02-01T00:00:00.000Z',
  };
  return [
    { ...document, _rev: `1-${'c'.repeat(32)}` },
    { ...later, _rev: `1-${'a'.repeat(32)}` },
  ];
}

const BATCH_SIZE = 500;

/** Creates the database with documents of these users, and some that belong to no user. */
export async function createOlderDatabase(
  access: UpstreamAccess,
  database: string,
  usernames: readonly string[],
): Promise<void> {
  const couch = connect(access);
  await couch.db.create(database);
  const others = ['settings', 'todo_1'].map((_id) => ({ _id, text: 'x', _rev: `1-${'d'.repeat(32)}` }));
  const docs = [...others, ...usernames.flatMap(olderRevisions)];
  for (let start = 0; start < docs.length; start += BATCH_SIZE)
    await couch.use<object>(database).bulk({ docs: docs.slice(start, start + BATCH_SIZE), new_edits: false });
}
