import type { ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { retryWhileUndefined } from '../../lib/retry-on-conflict.ts';
import { settleAcceptedWrite, writeExclusively } from '../../upstream/exclusive-write.ts';
import { readDocuments, type StoredDocument } from '../../upstream/read-documents.ts';
import { writeRows } from '../../upstream/write-rows.ts';

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
  /** Reserves the free ones of many names, for a shorter time. */
  reserveMany(usernames: readonly Username[]): Promise<ReservedNames>;
  /** Removes a reservation that a crashed process has left. */
  remove(username: Username): Promise<void>;
}

export interface ReservedNames {
  readonly names: ReadonlySet<Username>;
  release(): Promise<void>;
}

const reservationId = (username: Username): string => `registering:${username}`;

/** In ms: longer than a registration takes. The reservation of a crashed process expires after it. */
const RESERVATION_TTL_MS = 120_000;
/** In ms, for many names. A command that was killed is soon run again, and must wait for it. */
export const BULK_RESERVATION_TTL_MS = 30_000;
/** Concurrent attempts may all fail, because each withdraws its own. */
const MAX_ATTEMPTS = 4;

const reservationSchema = z.object({ until: z.iso.datetime() });

export function createUsernameReservations(
  couch: ServerScope,
  database: string,
  now: () => number,
): UsernameReservations {
  const read = async (id: string) => (await readDocuments(couch, database, [id])).get(id);
  const isHeld = (stored: StoredDocument | undefined): boolean => {
    const until = reservationSchema.safeParse(stored).data?.until;
    return until !== undefined && Date.parse(until) > now();
  };
  const createReservation = (username: Username, ttlMs: number) => ({
    _id: reservationId(username),
    type: 'registration',
    username,
    until: new Date(now() + ttlMs).toISOString(),
  });
  const tryReserve = async (username: Username): Promise<string | undefined> => {
    const stored = await read(reservationId(username));
    if (isHeld(stored)) return undefined;
    const reservation = createReservation(username, RESERVATION_TTL_MS);
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
    reserveMany: async (usernames) => {
      const stored = await readDocuments(couch, database, usernames.map(reservationId));
      const free = usernames.filter((username) => !isHeld(stored.get(reservationId(username))));
      const reservations = free.map((username) => {
        const reservation = createReservation(username, BULK_RESERVATION_TTL_MS);
        const previous = stored.get(reservation._id);
        return previous === undefined ? reservation : { ...reservation, _rev: previous._rev };
      });
      const revisions = new Map<Username, string>();
      for (const [index, row] of (await writeRows(couch, database, reservations)).entries()) {
        const username = free[index];
        if (username === undefined || row.rev === undefined) continue;
        const rev = row.accepted ? await settleAcceptedWrite(couch, database, row.id, row.rev) : row.rev;
        if (rev !== undefined) revisions.set(username, rev);
      }
      return {
        names: new Set(revisions.keys()),
        release: async () => {
          const deletions = [...revisions].map(([username, _rev]) => ({
            _id: reservationId(username),
            _rev,
            _deleted: true,
          }));
          // A reservation that cannot be deleted expires.
          await writeRows(couch, database, deletions).catch(() => undefined);
        },
      };
    },
    remove: async (username) => {
      const stored = await read(reservationId(username));
      if (stored === undefined) return;
      await writeExclusively(couch, database, { _id: stored._id, _rev: stored._rev, _deleted: true });
    },
  };
}
