import type { ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { pauseAfter } from '../../lib/jittered-delay.ts';
import { writeAlone } from '../../upstream/exclusive-write.ts';
import { readDocuments } from '../../upstream/read-documents.ts';

/**
 * Who registers a name just now, as documents beside the sessions. A cluster of CouchDB takes two accounts of one name when they
 * come at once, each on a copy of its own, and lets the service account take none of them back: two people would be in one
 * document. So one has to have the name before there is an account. Everything rejects with 502 or 503 when the database fails.
 */
export interface NameClaims {
  /** Resolves with what lets go of the name; undefined when somebody else has it. */
  claim(username: Username): Promise<(() => Promise<void>) | undefined>;
  /** Removes what a process that died has left. */
  forget(username: Username): Promise<void>;
}

const claimId = (username: Username): string => `registering:${username}`;

/** In ms: longer than a registration may take. The claim of a process that died is nobody's then. */
const LONGEST = 120_000;
/** Of several who come at once it can be that none has it, and all have taken theirs back. */
const ATTEMPTS = 4;

const claimSchema = z.object({ until: z.iso.datetime() });

export function createNameClaims(couch: ServerScope, database: string, now: () => number): NameClaims {
  const read = async (id: string) => (await readDocuments(couch, database, [id])).get(id);
  const claimOnce = async (username: Username): Promise<string | undefined> => {
    const _id = claimId(username);
    const stored = await read(_id);
    const until = claimSchema.safeParse(stored).data?.until;
    if (until !== undefined && Date.parse(until) > now()) return undefined;
    const claim = { _id, type: 'registration', username, until: new Date(now() + LONGEST).toISOString() };
    return await writeAlone(couch, database, stored === undefined ? claim : { ...claim, _rev: stored._rev });
  };
  return {
    claim: async (username) => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const rev = await claimOnce(username);
        if (rev !== undefined) {
          return async () => {
            // What cannot be let go of lapses.
            const release = { _id: claimId(username), _rev: rev, _deleted: true };
            await writeAlone(couch, database, release).catch(() => undefined);
          };
        }
        if (attempt < ATTEMPTS) await pauseAfter(attempt);
      }
      return undefined;
    },
    forget: async (username) => {
      const stored = await read(claimId(username));
      if (stored === undefined) return;
      await writeAlone(couch, database, { _id: stored._id, _rev: stored._rev, _deleted: true });
    },
  };
}
