import { z } from 'zod';
import type { AdminClient } from '../servers/admin-client.ts';

/** Returns a user's document as an administrator writes it. `n` numbers the write, so that each body differs. */
export const createUserDocument = (username: string, n: number): Record<string, unknown> => ({
  _id: `user_${username}`,
  type: 'user_preferences',
  version: 1,
  username,
  preferences: { selectedTags: [`write ${n}`] },
  edits: {},
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
});

export interface RegistryUser {
  readonly username: string;
  readonly ownId: string;
  /** Current revision of the document. Undefined while a write is in flight, and after one with an unknown outcome. */
  rev: string | undefined;
}

/** Documents per `_bulk_docs` request. */
const BATCH_SIZE = 500;

const rowsSchema = z.array(z.object({ id: z.string(), rev: z.string() }));

/**
 * Creates the documents of the users `from` to `to` (exclusive) in the registry.
 *
 * @throws Error if the database does not create all of them.
 */
export async function insertUsers(
  admin: AdminClient,
  database: string,
  from: number,
  to: number,
): Promise<RegistryUser[]> {
  const users: RegistryUser[] = [];
  for (let first = from; first < to; first += BATCH_SIZE) {
    const usernames = Array.from({ length: Math.min(BATCH_SIZE, to - first) }, (_, n) => `bench-${first + n}`);
    const body = { docs: usernames.map((username) => createUserDocument(username, 0)) };
    const response = await admin('POST', `/${encodeURIComponent(database)}/_bulk_docs`, body);
    const rows = rowsSchema.safeParse(response.body);
    if (!rows.success || rows.data.length !== usernames.length) {
      throw new Error(`Could not create the user documents in ${database} (status ${response.status}).`);
    }
    const revs = new Map(rows.data.map(({ id, rev }) => [id, rev]));
    users.push(
      ...usernames.map((username) => ({ username, ownId: `user_${username}`, rev: revs.get(`user_${username}`) })),
    );
  }
  return users;
}
