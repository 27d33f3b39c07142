import { CHANGES } from './entries/changes.ts';
import { CHECKPOINTS } from './entries/checkpoints.ts';
import { FEEDS_AND_ACTIVITY } from './entries/feeds.ts';
import { FRAMING } from './entries/framing.ts';
import { HEADERS } from './entries/headers.ts';
import { LIMITS } from './entries/limits.ts';
import { ORIGINS } from './entries/origins.ts';
import { PATHS } from './entries/paths.ts';
import { READS } from './entries/reads.ts';
import { TOKENS } from './entries/tokens.ts';
import { WRITES } from './entries/writes.ts';
import type { AttackEntry } from './entry.ts';

/** The attack list, reads before writes: what a read reveals is then known before anything could be damaged. */
export const ATTACK_LIST: readonly AttackEntry[] = [
  ...READS,
  ...CHANGES,
  ...FEEDS_AND_ACTIVITY,
  ...PATHS,
  ...CHECKPOINTS,
  ...HEADERS,
  ...TOKENS,
  ...ORIGINS,
  ...WRITES,
  ...LIMITS,
  ...FRAMING,
];
