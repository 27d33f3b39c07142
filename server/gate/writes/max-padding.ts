import type { ReplicatedRow } from './parse-row.ts';

/**
 * How far the generation of a merge may be above the winner's, which is how many edits a device has made since it last pulled: three
 * times as many as the row has ancestors, and at least 1,000, because a device may keep few ancestors (`revs_limit`). Beyond that
 * the merge has the next generation. A path costs 35 bytes for each generation, so a forged generation must not determine that.
 */
const MIN_PADDING = 1_000;
const MAX_PADDING = 3_000;
const PADDING_PER_ANCESTOR = 3;

/** Returns how many generations the merge of a row may be above the winner. */
export const maxPadding = ({ path }: ReplicatedRow): number =>
  Math.min(MAX_PADDING, Math.max(MIN_PADDING, PADDING_PER_ANCESTOR * path.length));
