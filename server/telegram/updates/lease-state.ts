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

export const toLeaseDocument = ({ holder, until, next }: Lease): z.output<typeof leaseSchema> => ({
  type: 'telegram-lease',
  holder: holder ?? null,
  until: new Date(until).toISOString(),
  ...(next === undefined ? {} : { offset: next.offset, offset_at: new Date(next.at).toISOString() }),
});

/** What is no lease is held by nobody. */
export function parseLease(document: unknown): Lease {
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
export interface ObservedRevision {
  readonly revision: string | undefined;
  readonly since: number;
}

export const observeRevision = (
  previous: ObservedRevision | undefined,
  revision: string | undefined,
  now: number,
): ObservedRevision => (previous !== undefined && previous.revision === revision ? previous : { revision, since: now });

/** `me`: the answer to one's own writing may have been lost. */
export const canAcquire = (
  lease: Lease,
  ownId: string,
  observed: ObservedRevision,
  now: number,
  durationMs: number,
): boolean => lease.holder === undefined || lease.holder === ownId || now - observed.since >= durationMs;

/** How long whoever holds it may believe so after the last renewal was sent, in ms. */
export const safeHoldMs = (durationMs: number): number => (durationMs * 2) / 3;

/**
 * When there was no update for a week Telegram begins to count anew, anywhere: what was counted before is forgotten a day
 * earlier. https://core.telegram.org/bots/api#update
 */
const MAX_OFFSET_AGE_MS = 6 * 24 * 60 * 60_000;

/** The first update to ask for, or undefined for all that there are. */
export const currentOffset = (next: Lease['next'], now: number): number | undefined =>
  next === undefined || now - next.at > MAX_OFFSET_AGE_MS ? undefined : next.offset;
