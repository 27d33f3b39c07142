import type { TestNames } from '../../../../server/testing/test-database.ts';
import { FOREIGN_IDS } from './attack-cases.ts';
import type { Dice } from './random.ts';

/** What alice knows: good parts stand among the bad, so that what is attacked is also in use. */
export interface Known {
  /** The own document as it is. */
  readonly own: Readonly<Record<string, unknown>>;
  /** What the databases are called. */
  readonly names: TestNames;
  readonly token: string;
  readonly badTokens: readonly string[];
}

/** A revision: often the own one, seldom no revision at all. */
export const anyRevision = (dice: Dice, own: Known['own']): string =>
  dice.chance(0.4)
    ? String(own['_rev'])
    : `${dice.below(4)}-${dice
        .below(99)
        .toString(16)
        .padStart(dice.of([31, 32, 32, 32]), '0')}`;

const anyId = (dice: Dice): unknown =>
  dice.chance(0.45)
    ? 'user_alice'
    : dice.chance(0.9)
      ? dice.of(FOREIGN_IDS)
      : dice.of<unknown>([null, 1, ['user_bob'], { id: 'user_bob' }, true]);

/** A value of any shape, for where a reader expects another. */
const anyValue = (dice: Dice, depth = 0): unknown =>
  dice.of<() => unknown>([
    () => null,
    () => dice.below(1_000),
    () => -1,
    () => 1e300,
    () => 'user_bob',
    () => '\u0000',
    () => '\ud800',
    () => true,
    () => (depth > 3 ? [] : dice.several(() => anyValue(dice, depth + 1), 3)),
    () =>
      depth > 3
        ? {}
        : Object.fromEntries(
            dice.several(
              () => [dice.of(['_id', 'docs', '__proto__', 'x', 'ids', 'start']), anyValue(dice, depth + 1)],
              3,
            ),
          ),
  ])();

function makeRow(dice: Dice, own: Known['own']): unknown {
  if (dice.chance(0.05)) return anyValue(dice);
  const rev = anyRevision(dice, own);
  const [start = '1', part = ''] = rev.split('-');
  const parent = String(own['_rev']).split('-')[1] ?? '';
  const row: Record<string, unknown> = {
    ...(dice.chance(0.8) ? own : {}),
    _id: anyId(dice),
    ...(dice.chance(0.9) ? { _rev: rev } : {}),
    ...(dice.chance(0.5)
      ? { _revisions: { start: Number(start), ids: dice.chance(0.5) ? [part] : [part, parent] } }
      : {}),
    ...(dice.chance(0.1) ? { _deleted: dice.of<unknown>([true, false, 'true']) } : {}),
    ...(dice.chance(0.1) ? { preferences: { theme: dice.of(['dark', 'light', 'red']) } } : {}),
  };
  if (dice.chance(0.15))
    row[
      dice.of(['username', '_attachments', 'version', 'edits', '_local_seq', 'type', '_rev', '_revisions', 'roles'])
    ] = anyValue(dice);
  return row;
}

/** A body of one of eight kinds, as `FITTING` has them. */
export function makeBody(dice: Dice, own: Known['own'], kind: number): string {
  const value = (): unknown => {
    switch (kind) {
      case 0:
        return {
          docs: dice.several(
            () => ({ id: anyId(dice), ...(dice.chance(0.5) ? { rev: anyRevision(dice, own) } : {}) }),
            6,
          ),
        };
      case 1:
        return Object.fromEntries(
          dice.several(
            () => [
              String(anyId(dice)),
              dice.chance(0.9) ? dice.several(() => anyRevision(dice, own), 3) : anyValue(dice),
            ],
            5,
          ),
        );
      case 2:
      case 3:
        return {
          docs: dice.several(() => makeRow(dice, own), 5),
          ...(dice.chance(0.6) ? { new_edits: dice.of<unknown>([false, false, false, true, 'false']) } : {}),
        };
      case 4:
        return makeRow(dice, own);
      case 5:
        return { doc_ids: dice.several(() => anyId(dice), 3), selector: { _id: 'user_bob' }, filter: '_doc_ids' };
      case 6:
        return {
          _id: '_local/a',
          last_seq: anyValue(dice),
          ...(dice.chance(0.5) ? { _rev: `0-${dice.below(9)}` } : {}),
        };
      default:
        return anyValue(dice);
    }
  };
  const text = JSON.stringify(value());
  if (dice.chance(0.03)) return text.slice(0, dice.below(text.length));
  return dice.chance(0.03) ? text.replace('{', '{"_id":"user_bob","docs":[{"id":"user_bob"}],') : text;
}
