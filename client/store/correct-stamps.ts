/** Corrects the stamps of unsent edits that were made while the device's clock was wrong. */
import {
  latestEditStamp,
  nextEditStamp,
  parseEditStamp,
  type EditStamp,
} from '../../couchdb-design/user-document/edit-stamp.ts';
import { correctedTime, type ClockReading } from '../platform/clock.ts';
import { MAX_UNCERTAINTY_MS } from '../platform/clock-offset.ts';
import { TIMESTAMP_LENGTH, type Edit, type EditOrigin, type Edits } from './edits.ts';
import type { LocalDocument } from './leaf.ts';
import type { PendingEdits } from './pending-edits.ts';
import { readReplica, writeChildRevision, type DocumentSource } from './replica.ts';

/** No edit was made before this time: the library did not exist. */
const EARLIEST_TIME = Date.UTC(2026, 0);

/** Two estimates of one offset differ by no more than this, in milliseconds. */
const MAX_ERROR_MS = 4 * MAX_UNCERTAINTY_MS;

const isClose = (a: number, b: number): boolean => Math.abs(a - b) <= MAX_ERROR_MS;

const timeOf = (stamp: EditStamp | undefined): number => parseEditStamp(stamp)?.time ?? 0;

/**
 * Returns when an edit was made by the server's clock, once its offset is known.
 *
 * The device's clock may have jumped since the edit. The monotonic clock may have stood still while the computer slept, so it
 * decides only if the time by the device's clock is impossible, or if it shows that the stamp was right.
 */
export const estimateTime = (made: EditOrigin, now: ClockReading): number => {
  const byWall = correctedTime({ ...made, offset: now.offset });
  const asStamped = correctedTime(made);
  // Of another page load only the device's clock is known, and the offset at that time if there was one.
  if (made.origin !== now.origin) return made.offset === undefined ? byWall : asStamped;
  const byMonotonic = correctedTime(now) - now.monotonic + made.monotonic;
  if (isClose(byMonotonic, asStamped)) return asStamped;
  const wasSetBack = byMonotonic < byWall - MAX_ERROR_MS;
  const wasBehind = byWall < Math.max(EARLIEST_TIME, timeOf(made.seen)) - MAX_ERROR_MS;
  return wasSetBack || wasBehind ? byMonotonic : byWall;
};

/** An edit with a wrong stamp, and the one that replaces it. */
export interface Correction {
  readonly wrong: Edit;
  readonly corrected: Edit;
}

/**
 * Returns the corrections in the order of the edits. A corrected stamp exceeds what the device had seen, and the stamps of its
 * earlier edits. An edit is corrected only once.
 */
export const findCorrections = (edits: Edits, now: ClockReading): readonly Correction[] => {
  const corrections: Correction[] = [];
  let previous: EditStamp = '';
  for (const wrong of edits.toSorted((a, b) => (a.stamp < b.stamp ? -1 : 1))) {
    const { made, ...edit } = wrong;
    let { stamp } = wrong;
    if (made) {
      const seen = [made.seen ?? '', previous].sort()[1];
      const expected = nextEditStamp({ now: estimateTime(made, now), device: stamp.slice(-5), seen });
      if (stamp < previous || !isClose(timeOf(expected), timeOf(stamp))) {
        stamp = expected;
        corrections.push({ wrong, corrected: { ...edit, stamp } });
      }
    }
    if (stamp > previous) previous = stamp;
  }
  return corrections;
};

/** Returns the document with corrected stamps; the same object if it has none of the wrong ones. */
const correctDocument = (document: LocalDocument, corrections: readonly Correction[]): LocalDocument => {
  const found = corrections.filter(({ wrong }) => document.edits[wrong.key] === wrong.stamp);
  if (found.length === 0) return document;
  const edits = {
    ...document.edits,
    ...Object.fromEntries(found.map(({ corrected }) => [corrected.key, corrected.stamp])),
  };
  const isUpdateWrong = found.some(({ wrong }) => wrong.stamp.startsWith(document.updated_at));
  const latest = latestEditStamp(Object.values(edits)) ?? '';
  return { ...document, edits, ...(isUpdateWrong && { updated_at: latest.slice(0, TIMESTAMP_LENGTH) }) };
};

const MAX_ATTEMPTS = 4;

/**
 * Writes a child of every live leaf that has a wrong stamp, so that the wrong ones are not sent. Replication may replace a leaf
 * between a read and a write; both are then repeated.
 */
async function correctLeaves(source: DocumentSource, corrections: readonly Correction[]): Promise<void> {
  let isDone = false;
  for (let attempt = 0; attempt < MAX_ATTEMPTS && !isDone; attempt += 1) {
    isDone = true;
    for (const { rev, document } of (await readReplica(source)).leaves) {
      const corrected = correctDocument(document, corrections);
      if (corrected !== document) isDone = (await writeChildRevision(source, rev, corrected)) && isDone;
    }
  }
}

/** Stores the corrections in the document and as pending edits. Call it while holding the write lock. */
export async function storeCorrections(
  source: DocumentSource,
  pendingEdits: PendingEdits,
  corrections: readonly Correction[],
): Promise<void> {
  // The document first: if the tab is closed in between, the pending edits are committed and corrected again.
  await correctLeaves(source, corrections);
  pendingEdits.add(corrections.map(({ corrected }) => corrected));
  pendingEdits.remove(({ key, stamp }) => corrections.some(({ wrong }) => wrong.key === key && wrong.stamp === stamp));
}
