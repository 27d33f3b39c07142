import type { ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { retryWhileUndefined } from '../../lib/retry-on-conflict.ts';
import { writeExclusively } from '../../upstream/exclusive-write.ts';
import { readDocuments } from '../../upstream/read-documents.ts';

/**
 * Exclusive reservations of usernames during registration, stored in the sessions database.
 *
 * A CouchDB cluster accepts two concurrent accounts with one name, each on another replica, and the service account cannot delete
 * either. Two people would then share one document, so a name is reserved before its account is created. Every method rejects
 * with 502 or 503 when the database fails.
 */
export interface UsernameReservations {
  /** Resolves with a function that releases the name, or with undefined when another process holds it. */
  reserve(username: Username): Promise<(() => Promise<void>) | undefined>;
  /** Removes a reservation that a crashed process has left. */
  remove(username: Username): Promise<void>;
}

const reservationId = (username: Username): string => `registering:${username}`;

/** In ms: longer than a registration takes. The reservation of a crashed process expires after it. */
const RESERVATION_TTL_MS = 120_000;
/** Concurrent attempts may all fail, because each withdraws its own. */
const MAX_ATTEMPTS = 4;

const reservationSchema = z.object({ until: z.iso.datetime() });

export function createUsernameReservations(
  couch: ServerScope,
  database: string,
  now: () => number,
): UsernameReservations {
  const read = async (id: string) => (await readDocuments(couch, database, [id])).get(id);
  const tryReserve = async (username: Username): Promise<string | undefined> => {
    const _id = reservationId(username);
    const stored = await read(_id);
    const until = reservationSchema.safeParse(stored).data?.until;
    if (until !== undefined && Date.parse(until) > now()) return undefined;
    const reservation = {
      _id,
      type: 'registration',
      username,
      until: new Date(now() + RESERVATION_TTL_MS).toISOString(),
    };
    return await writeExclusively(
      couch,
      database,
      stored === undefined ? reservation : { ...reservation, _rev: stored._rev },
    );
  };
  return {
    reserve: async (username) => {
      const rev = await retryWhileUndefined(() => tryReserve(username), { maxAttempts: MAX_ATTEMPTS });
      if (rev === undefined) return undefined;
      return async () => {
        // A reservation that cannot be deleted expires.
        const deletion = { _id: reservationId(username), _rev: rev, _deleted: true };
        await writeExclusively(couch, database, deletion).catch(() => undefined);
      };
    },
    remove: async (username) => {
      const stored = await read(reservationId(username));
      if (stored === undefined) return;
      await writeExclusively(couch, database, { _id: stored._id, _rev: stored._rev, _deleted: true });
    },
  };
}
