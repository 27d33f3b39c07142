import type { ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { delayWithJitter } from '../../lib/jittered-delay.ts';
import { writeExclusively } from '../../upstream/exclusive-write.ts';
import { readDocuments } from '../../upstream/read-documents.ts';

/**
 * Who registers a name just now, as documents beside the sessions. A cluster of CouchDB takes two accounts of one name when they
 * come at once, each on a copy of its own, and lets the service account take none of them back: two people would be in one
 * document. So one has to have the name before there is an account. Everything rejects with 502 or 503 when the database fails.
 */
export interface UsernameReservations {
  /** Resolves with what lets go of the name; undefined when somebody else has it. */
  reserve(username: Username): Promise<(() => Promise<void>) | undefined>;
  /** Removes what a process that died has left. */
  remove(username: Username): Promise<void>;
}

const reservationId = (username: Username): string => `registering:${username}`;

/** In ms: longer than a registration may take. The claim of a process that died is nobody's then. */
const RESERVATION_TTL_MS = 120_000;
/** Of several who come at once it can be that none has it, and all have taken theirs back. */
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
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        const rev = await tryReserve(username);
        if (rev !== undefined) {
          return async () => {
            // What cannot be let go of lapses.
            const deletion = { _id: reservationId(username), _rev: rev, _deleted: true };
            await writeExclusively(couch, database, deletion).catch(() => undefined);
          };
        }
        if (attempt < MAX_ATTEMPTS) await delayWithJitter(attempt);
      }
      return undefined;
    },
    remove: async (username) => {
      const stored = await read(reservationId(username));
      if (stored === undefined) return;
      await writeExclusively(couch, database, { _id: stored._id, _rev: stored._rev, _deleted: true });
    },
  };
}
