import type { ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { retryWhileUndefined } from '../../lib/retry-on-conflict.ts';
import { settleAcceptedWrite, writeExclusively } from '../../upstream/exclusive-write.ts';
import { readDocuments, type StoredDocument } from '../../upstream/read-documents.ts';
import { writeRows } from '../../upstream/write-rows.ts';

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

/**
 * Exclusive reservations of usernames during registration, stored in the sessions database.
 *
 * A CouchDB cluster accepts two concurrent accounts with one name, each on another replica, and the service account cannot delete
 * either. Two people would then share one document, so a name is reserved before its account is created. Every method rejects
 * with 502 or 503 when the database fails.
 */
export class UsernameReservations {
  readonly #couch: ServerScope;
  readonly #database: string;
  readonly #now: () => number;

  constructor(couch: ServerScope, database: string, now: () => number) {
    this.#couch = couch;
    this.#database = database;
    this.#now = now;
  }

  /** Resolves with a function that releases the name, or with undefined when another process holds it. */
  async reserve(username: Username): Promise<(() => Promise<void>) | undefined> {
    const rev = await retryWhileUndefined(() => this.#tryReserve(username), { maxAttempts: MAX_ATTEMPTS });
    // A reservation that cannot be deleted expires.
    return rev === undefined ? undefined : () => this.#delete(reservationId(username), rev).catch(() => undefined);
  }

  /** Reserves the free ones of many names, for a shorter time. */
  async reserveMany(usernames: readonly Username[]): Promise<ReservedNames> {
    const stored = await readDocuments(this.#couch, this.#database, usernames.map(reservationId));
    const free = usernames.filter((username) => !this.#isHeld(stored.get(reservationId(username))));
    const reservations = free.map((username) =>
      this.#createReservation(username, BULK_RESERVATION_TTL_MS, stored.get(reservationId(username))),
    );
    const revisions = new Map<Username, string>();
    for (const [index, row] of (await writeRows(this.#couch, this.#database, reservations)).entries()) {
      const username = free[index];
      if (username === undefined || row.rev === undefined) continue;
      const { id, rev, accepted } = row;
      const held = accepted ? await settleAcceptedWrite(this.#couch, this.#database, id, rev) : rev;
      if (held !== undefined) revisions.set(username, held);
    }
    return { names: new Set(revisions.keys()), release: () => this.#releaseMany(revisions) };
  }

  /** Removes a reservation that a crashed process has left. */
  async remove(username: Username): Promise<void> {
    const id = reservationId(username);
    const stored = await this.#read(id);
    if (stored !== undefined) await this.#delete(id, stored._rev);
  }

  async #tryReserve(username: Username): Promise<string | undefined> {
    const stored = await this.#read(reservationId(username));
    if (this.#isHeld(stored)) return undefined;
    const reservation = this.#createReservation(username, RESERVATION_TTL_MS, stored);
    return await writeExclusively(this.#couch, this.#database, reservation);
  }

  async #releaseMany(revisions: ReadonlyMap<Username, string>): Promise<void> {
    const deletions = [...revisions].map(([username, _rev]) => ({
      _id: reservationId(username),
      _rev,
      _deleted: true,
    }));
    // A reservation that cannot be deleted expires.
    await writeRows(this.#couch, this.#database, deletions).catch(() => undefined);
  }

  async #read(id: string): Promise<StoredDocument | undefined> {
    return (await readDocuments(this.#couch, this.#database, [id])).get(id);
  }

  async #delete(_id: string, _rev: string): Promise<void> {
    await writeExclusively(this.#couch, this.#database, { _id, _rev, _deleted: true });
  }

  #isHeld(stored: StoredDocument | undefined): boolean {
    const until = reservationSchema.safeParse(stored).data?.until;
    return until !== undefined && Date.parse(until) > this.#now();
  }

  /** `previous` is an expired reservation of the name, which the new one replaces. */
  #createReservation(username: Username, ttlMs: number, previous: StoredDocument | undefined) {
    return {
      _id: reservationId(username),
      type: 'registration',
      username,
      until: new Date(this.#now() + ttlMs).toISOString(),
      ...(previous === undefined ? {} : { _rev: previous._rev }),
    };
  }
}
