import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { parseRevision } from '../../../couchdb-design/user-document/revisions.ts';
import type { AdminClient } from '../servers/admin-client.ts';
import type { DeliveryLog } from './delivery-log.ts';
import { createUserDocument, type RegistryUser } from './registry-users.ts';

export interface WriterOptions {
  readonly admin: AdminClient;
  readonly database: string;
  readonly users: readonly RegistryUser[];
  readonly deliveryLog: DeliveryLog;
  readonly perSecond: number;
  /** Duration in seconds. */
  readonly seconds: number;
  readonly now: () => number;
  readonly random: () => number;
}

export interface WriteCounts {
  /** Writes that were due in the given time. */
  readonly planned: number;
  readonly done: number;
  /** Rejected by the database, or without a response. */
  readonly failed: number;
  /** Not sent because too many were in flight: the database did not keep up. */
  readonly skipped: number;
}

/** With more writes in flight the database has clearly fallen behind. */
const MAX_WRITES_IN_FLIGHT = 200;
/** Random attempts to find a user without a write in flight. */
const MAX_PICK_ATTEMPTS = 20;
const POLL_INTERVAL_MS = 5;

const writtenSchema = z.object({ rev: z.string() });
let lastWriteNumber = 0;

/**
 * Writes `perSecond` random users' documents per second, evenly spaced. Writes go directly to the database, so both
 * fronts get the same work. The rate does not depend on the database's speed (an open loop): waiting for slow responses
 * would lower the load and hide the slowness.
 */
export async function writeAtRate(options: WriterOptions): Promise<WriteCounts> {
  const { users, perSecond, seconds, now, random } = options;
  const inFlight = new Map<number, Promise<boolean>>();
  const planned = Math.round(perSecond * seconds);
  let done = 0;
  let failed = 0;
  let skipped = 0;
  const pickUser = (): number | undefined => {
    if (inFlight.size >= MAX_WRITES_IN_FLIGHT) return undefined;
    for (let n = 0; n < MAX_PICK_ATTEMPTS; n += 1) {
      const user = Math.floor(random() * users.length);
      if (!inFlight.has(user) && users[user]?.rev !== undefined) return user;
    }
    return undefined;
  };
  const startedAt = now();
  for (let started = 0; started < planned;) {
    const due = Math.min(Math.floor(((now() - startedAt) / 1_000) * perSecond) + 1, planned);
    for (; started < due; started += 1) {
      const user = pickUser();
      if (user === undefined) {
        skipped += 1;
        continue;
      }
      const write = writeOne(options, user).then((ok) => {
        inFlight.delete(user);
        if (ok) done += 1;
        else failed += 1;
        return ok;
      });
      inFlight.set(user, write);
    }
    await delay(POLL_INTERVAL_MS);
  }
  await Promise.all(inFlight.values());
  return { planned, done, failed, skipped };
}

/** Writes one user's document on top of its known revision. Resolves with `false` if the write was not acknowledged. */
async function writeOne({ admin, database, users, deliveryLog, now }: WriterOptions, user: number): Promise<boolean> {
  const target = users[user];
  const { rev } = target ?? {};
  if (target === undefined || rev === undefined) return false;
  lastWriteNumber += 1;
  const body = { ...createUserDocument(target.username, lastWriteNumber), _rev: rev };
  const write = deliveryLog.recordSent(user, (parseRevision(rev)?.generation ?? 0) + 1, now());
  target.rev = undefined;
  try {
    const response = await admin('PUT', `/${encodeURIComponent(database)}/${encodeURIComponent(target.ownId)}`, body);
    const written = writtenSchema.safeParse(response.body);
    if (written.success && response.status < 300) {
      deliveryLog.recordAcknowledged(write, written.data.rev, now());
      target.rev = written.data.rev;
      return true;
    }
    // A rejected write leaves the revision unchanged. After any other response the revision is unknown.
    if (response.status >= 400 && response.status < 500 && response.status !== 409) target.rev = rev;
  } catch {
    // Without a response the revision is unknown as well, so this document is not written again.
  }
  deliveryLog.recordFailed(write);
  return false;
}
