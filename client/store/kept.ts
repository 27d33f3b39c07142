/**
 * What is kept beside the user document, in a `_local/` document: it is never replicated, and goes when the database goes.
 */
import { unless, type Database } from '../platform/database.ts';
import type { Edits, Stamps } from './edits.ts';

export interface Kept {
  /** Edits made before there was a document to make them in. */
  readonly draft: Edits;
  /** Edits that were refused together: each is tried alone before it is given up. */
  readonly suspects: Edits;
  /** What the server is known to hold. An edit is unsent when its stamp is newer; so their number survives a reload. */
  readonly known: Stamps;
}

const ID = '_local/pouchgate';
const NOTHING: Kept = { draft: [], suspects: [], known: {} };

const read = (database: Database) => unless(404, undefined, database.get<Partial<Kept>>(ID));

const keptOf = (raw: Partial<Kept> | undefined): Kept => {
  const { draft, suspects, known } = { ...NOTHING, ...raw };
  return { draft, suspects, known };
};

export const readKept = async (database: Database): Promise<Kept> => keptOf(await read(database));

/** Writes what `change` makes of what is there, as often as somebody else was quicker; nothing when it gives the same. */
export async function updateKept(database: Database, change: (kept: Kept) => Kept): Promise<void> {
  for (;;) {
    const raw = await read(database);
    const before = keptOf(raw);
    const after = change(before);
    if (after === before) return;
    const written = database.put({ ...after, _id: ID, ...(raw && { _rev: raw._rev }) });
    if ((await unless(409, undefined, written)) !== undefined) return;
  }
}

/** `stamps` with the later ones of `more`; the same object when it has them all. */
export const learn = (stamps: Stamps, more: Stamps): Stamps => {
  const later = Object.entries(more).filter(([key, stamp]) => stamp > (stamps[key] ?? ''));
  return later.length > 0 ? { ...stamps, ...Object.fromEntries(later) } : stamps;
};
