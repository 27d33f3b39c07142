/** What is stored, for whoever wants to see how the sync works. */
import type { DeviceId, EditStamp } from '../../couchdb-design/edit-stamp.ts';
import type { Edit } from './edits.ts';
import { readLeaves, type Source } from './replica.ts';

export interface InspectedLeaf {
  readonly rev: string;
  readonly isDeleted: boolean;
  /** The revisions that led to it, itself first, as far as they are known. */
  readonly history: readonly string[];
  /** By preference, when it was last set: the time, a count, and the device. */
  readonly edits: Readonly<Record<string, EditStamp>>;
}

export interface StoredInspection {
  /** The last five characters of the stamps of this browser's edits. */
  readonly device: DeviceId;
  readonly documentId: string;
  readonly leaves: readonly InspectedLeaf[];
  readonly unsent: readonly Edit[];
}

interface RawLeaf {
  readonly _rev?: string;
  readonly _deleted?: boolean;
  readonly _revisions?: { readonly start: number; readonly ids: readonly string[] };
  readonly edits?: Readonly<Record<string, EditStamp>>;
}

export async function inspectSource(
  source: Source,
  device: DeviceId,
  unsent: readonly Edit[],
): Promise<StoredInspection> {
  const leaves = (await readLeaves(source)).map((raw): InspectedLeaf => {
    const { _rev: rev = '', _deleted: isDeleted = false, _revisions: revisions, edits = {} } = raw as RawLeaf;
    const history = (revisions?.ids ?? []).map((id, back) => `${(revisions?.start ?? 0) - back}-${id}`);
    return { rev, isDeleted, history, edits };
  });
  return { device, documentId: source.id, leaves, unsent };
}
