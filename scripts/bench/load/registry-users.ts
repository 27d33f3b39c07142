import { z } from 'zod';
import type { AdminClient } from '../servers/admin-client.ts';

/** A user's document as an administrator writes it; `n` is the number of the write. */
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
  /** Of the document; undefined from when a write's fate is unknown, and then it is not written any more. */
  rev: string | undefined;
}

/** Documents in one request of the set-up. */
const BATCH_SIZE = 500;

const rowsSchema = z.array(z.object({ id: z.string(), rev: z.string() }));

/** Puts the documents of the users `from` to `to` (exclusive) into the registry. */
export async function insertUsers(
  admin: AdminClient,
  database: string,
  from: number,
  to: number,
): Promise<RegistryUser[]> {
  const users: RegistryUser[] = [];
  for (let first = from; first < to; first += BATCH_SIZE) {
    const names = Array.from({ length: Math.min(BATCH_SIZE, to - first) }, (_, n) => `bench-${first + n}`);
    const body = { docs: names.map((name) => createUserDocument(name, 0)) };
    const response = await admin('POST', `/${encodeURIComponent(database)}/_bulk_docs`, body);
    const rows = rowsSchema.safeParse(response.body);
    if (!rows.success || rows.data.length !== names.length) {
      throw new Error(`The documents could not be put into ${database} (status ${response.status}).`);
    }
    const revs = new Map(rows.data.map(({ id, rev }) => [id, rev]));
    users.push(
      ...names.map((username) => ({ username, ownId: `user_${username}`, rev: revs.get(`user_${username}`) })),
    );
  }
  return users;
}
