import { z } from 'zod';

/**
 * Who asks Telegram for updates, as one document that is only ever written on top of the revision that was read: of two
 * that write at once one is refused.
 *
 * No clock is compared with another machine's. Whoever waits takes the lease over when the document has not changed for
 * the lease's whole life by their own clock; whoever holds it gives up when they could not renew it for two thirds of
 * that. `until` is for people who look.
 */
export interface Lease {
  /** Undefined: given back. */
  readonly holder: string | undefined;
  readonly until: number;
  /** The first update that nobody has taken yet, and when the one before it was taken. */
  readonly next: { readonly offset: number; readonly at: number } | undefined;
}

const leaseSchema = z.object({
  type: z.literal('telegram-lease'),
  holder: z.string().nullable(),
  until: z.iso.datetime(),
  offset: z.int().optional(),
  offset_at: z.iso.datetime().optional(),
});

export const LEASE_ID = 'telegram-lease';

export const leaseDocument = ({ holder, until, next }: Lease): z.output<typeof leaseSchema> => ({
  type: 'telegram-lease',
  holder: holder ?? null,
  until: new Date(until).toISOString(),
  ...(next === undefined ? {} : { offset: next.offset, offset_at: new Date(next.at).toISOString() }),
});

/** What is no lease is held by nobody. */
export function readLease(document: unknown): Lease {
  const { data } = leaseSchema.safeParse(document);
  if (data === undefined) return { holder: undefined, until: 0, next: undefined };
  const { offset, offset_at: at } = data;
  return {
    holder: data.holder ?? undefined,
    until: Date.parse(data.until),
    next: offset === undefined || at === undefined ? undefined : { offset, at: Date.parse(at) },
  };
}

/** What a waiting process has seen last: a revision, and since when, in ms of its own clock. */
export interface Seen {
  readonly revision: string | undefined;
  readonly since: number;
}

export const seenNow = (before: Seen | undefined, revision: string | undefined, now: number): Seen =>
  before !== undefined && before.revision === revision ? before : { revision, since: now };

/** `me`: the answer to one's own writing may have been lost. */
export const mayTake = (lease: Lease, me: string, seen: Seen, now: number, life: number): boolean =>
  lease.holder === undefined || lease.holder === me || now - seen.since >= life;

/** How long whoever holds it may believe so after the last renewal was sent, in ms. */
export const beliefOf = (life: number): number => (life * 2) / 3;

/**
 * When there was no update for a week Telegram begins to count anew, anywhere: what was counted before is forgotten a day
 * earlier. https://core.telegram.org/bots/api#update
 */
const COUNT_LIFE = 6 * 24 * 60 * 60_000;

/** The first update to ask for, or undefined for all that there are. */
export const offsetNow = (next: Lease['next'], now: number): number | undefined =>
  next === undefined || now - next.at > COUNT_LIFE ? undefined : next.offset;
