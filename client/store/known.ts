/**
 * What the server is known to hold: the greatest stamp of each preference that it has accepted or has sent, and the
 * revisions in which it did. An edit is unsent when its stamp is newer. This is kept in a `_local/` document, so that
 * the number of unsent edits is true after a reload without a network.
 */
import { isEditStamp, type EditStamp } from '../../couchdb-design/edit-stamp.ts';
import type { LocalDocument } from './replica.ts';
import { addEdits, type Edit } from './edits.ts';

export interface Known {
  readonly stamps: Readonly<Record<string, EditStamp>>;
  /** The last revisions that the server was seen to have, newest last. */
  readonly revisions: readonly string[];
}

/** A revision that the server has, with the stamps in it. */
export interface Held {
  readonly rev: string;
  readonly edits: Readonly<Record<string, EditStamp>>;
}

export const NOTHING_KNOWN: Known = { stamps: {}, revisions: [] };

/** A document may have as many live leaves on the server; more need not be remembered. */
const MAX_REVISIONS = 32;

export const learn = (known: Known, held: readonly Held[]): Known => {
  const fresh = held.filter(({ rev }) => !known.revisions.includes(rev));
  if (fresh.length === 0) return known;
  const stamps = new Map(Object.entries(known.stamps));
  for (const [key, stamp] of fresh.flatMap(({ edits }) => Object.entries(edits))) {
    if (stamp > (stamps.get(key) ?? '')) stamps.set(key, stamp);
  }
  return {
    stamps: Object.fromEntries(stamps),
    revisions: [...known.revisions, ...fresh.map(({ rev }) => rev)].slice(-MAX_REVISIONS),
  };
};

/**
 * The server says that it lacks these revisions. If it once had one of them, it was restored from an older copy, and
 * nothing that was known holds any more: the sync that follows tells it anew.
 */
export const forget = (known: Known, lacking: readonly string[]): Known =>
  lacking.some((rev) => known.revisions.includes(rev)) ? NOTHING_KNOWN : known;

/** The edits that the server does not have yet, one for each preference. */
export const unsentEdits = (
  document: LocalDocument | undefined,
  waiting: readonly Edit[],
  known: Known,
): readonly Edit[] => {
  const values = new Map<string, unknown>(Object.entries(document?.preferences ?? {}));
  const inDocument = Object.entries(document?.edits ?? {}).map(([key, stamp]): Edit => ({
    key,
    value: values.get(key) ?? null,
    stamp,
  }));
  return addEdits(inDocument, waiting).filter(({ key, stamp }) => stamp > (known.stamps[key] ?? ''));
};

/** Reads what was stored; what is malformed counts as not known. */
export const readKnown = (value: unknown): Known => {
  if (typeof value !== 'object' || value === null) return NOTHING_KNOWN;
  const { stamps, revisions } = value as Record<string, unknown>;
  return {
    stamps: Object.fromEntries(
      Object.entries(typeof stamps === 'object' && stamps !== null ? stamps : {}).filter(
        (entry): entry is [string, EditStamp] => isEditStamp(entry[1]),
      ),
    ),
    revisions: Array.isArray(revisions) ? revisions.filter((rev) => typeof rev === 'string') : [],
  };
};
