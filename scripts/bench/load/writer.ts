import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { parseRevision } from '../../../couchdb-design/user-document/revisions.ts';
import type { Admin } from '../servers/admin-client.ts';
import type { Ledger } from './delivery-log.ts';
import { documentOf, type RegistryUser } from './registry-users.ts';

export interface WriterOptions {
  readonly admin: Admin;
  readonly database: string;
  readonly users: readonly RegistryUser[];
  readonly ledger: Ledger;
  readonly perSecond: number;
  /** How long, in seconds. */
  readonly seconds: number;
  readonly now: () => number;
  readonly random: () => number;
}

export interface Written {
  readonly asked: number;
  readonly done: number;
  /** Refused by the database, or without an answer. */
  readonly failed: number;
  /** Not sent, since too many were under way: the database did not keep up. */
  readonly skipped: number;
}

/** Writes under way beyond which the database has plainly fallen behind. */
const MOST_UNDER_WAY = 200;
/** How often to look for a user of whom no write is under way. */
const DRAWS = 20;
/** In ms. */
const STEP = 5;

const writtenSchema = z.object({ rev: z.string() });
let numbers = 0;

/**
 * Writes `perSecond` documents of users at random, straight to the database, so that each front gets the same work to do;
 * evenly in time, and not slower when the database is (an open loop): whoever waits for it measures it too well.
 */
export async function writeSteadily(options: WriterOptions): Promise<Written> {
  const { users, perSecond, seconds, now, random } = options;
  const underWay = new Map<number, Promise<boolean>>();
  const asked = Math.round(perSecond * seconds);
  let done = 0;
  let failed = 0;
  let skipped = 0;
  const draw = (): number | undefined => {
    if (underWay.size >= MOST_UNDER_WAY) return undefined;
    for (let n = 0; n < DRAWS; n += 1) {
      const user = Math.floor(random() * users.length);
      if (!underWay.has(user) && users[user]?.rev !== undefined) return user;
    }
    return undefined;
  };
  const began = now();
  for (let begun = 0; begun < asked;) {
    const due = Math.min(Math.floor(((now() - began) / 1_000) * perSecond) + 1, asked);
    for (; begun < due; begun += 1) {
      const user = draw();
      if (user === undefined) {
        skipped += 1;
        continue;
      }
      const write = writeOne(options, user).then((ok) => {
        underWay.delete(user);
        if (ok) done += 1;
        else failed += 1;
        return ok;
      });
      underWay.set(user, write);
    }
    await delay(STEP);
  }
  await Promise.all(underWay.values());
  return { asked, done, failed, skipped };
}

/** One write, onto the revision that is known. Resolves with whether the database took it. */
async function writeOne({ admin, database, users, ledger, now }: WriterOptions, user: number): Promise<boolean> {
  const of = users[user];
  const { rev } = of ?? {};
  if (of === undefined || rev === undefined) return false;
  numbers += 1;
  const body = { ...documentOf(of.username, numbers), _rev: rev };
  const write = ledger.sent(user, (parseRevision(rev)?.generation ?? 0) + 1, now());
  of.rev = undefined;
  try {
    const answer = await admin('PUT', `/${encodeURIComponent(database)}/${encodeURIComponent(of.ownId)}`, body);
    const written = writtenSchema.safeParse(answer.body);
    if (written.success && answer.status < 300) {
      ledger.acknowledged(write, written.data.rev, now());
      of.rev = written.data.rev;
      return true;
    }
    // A refusal changes nothing; after any other answer nobody knows.
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 409) of.rev = rev;
  } catch {
    // Without an answer nobody knows either: this document is left alone from here on.
  }
  ledger.failed(write);
  return false;
}
