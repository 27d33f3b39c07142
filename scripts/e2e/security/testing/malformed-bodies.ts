import type { TestNames } from '../../../../server/testing/test-database.ts';
import { FOREIGN_IDS } from './attack-cases.ts';
import type { RandomPicker } from './random.ts';

/** Valid values that alice knows. Attacks mix them with invalid ones, so that many requests are accepted. */
export interface AttackerKnowledge {
  /** The current own document. */
  readonly own: Readonly<Record<string, unknown>>;
  /** The names of the databases. */
  readonly names: TestNames;
  readonly token: string;
  readonly badTokens: readonly string[];
}

/** A revision: often the own one, seldom an invalid one. */
export const randomRevision = (picker: RandomPicker, own: AttackerKnowledge['own']): string =>
  picker.chance(0.4)
    ? String(own['_rev'])
    : `${picker.integerBelow(4)}-${picker
        .integerBelow(99)
        .toString(16)
        .padStart(picker.pick([31, 32, 32, 32]), '0')}`;

const randomId = (picker: RandomPicker): unknown =>
  picker.chance(0.45)
    ? 'user_alice'
    : picker.chance(0.9)
      ? picker.pick(FOREIGN_IDS)
      : picker.pick<unknown>([null, 1, ['user_bob'], { id: 'user_bob' }, true]);

/** A value of any type, for members of which another type is expected. */
const randomValue = (picker: RandomPicker, depth = 0): unknown =>
  picker.pick<() => unknown>([
    () => null,
    () => picker.integerBelow(1_000),
    () => -1,
    () => 1e300,
    () => 'user_bob',
    () => '\u0000',
    () => '\ud800',
    () => true,
    () => (depth > 3 ? [] : picker.list(() => randomValue(picker, depth + 1), 3)),
    () =>
      depth > 3
        ? {}
        : Object.fromEntries(
            picker.list(
              () => [picker.pick(['_id', 'docs', '__proto__', 'x', 'ids', 'start']), randomValue(picker, depth + 1)],
              3,
            ),
          ),
  ])();

function makeRow(picker: RandomPicker, own: AttackerKnowledge['own']): unknown {
  if (picker.chance(0.05)) return randomValue(picker);
  const rev = randomRevision(picker, own);
  const [start = '1', part = ''] = rev.split('-');
  const parent = String(own['_rev']).split('-')[1] ?? '';
  const row: Record<string, unknown> = {
    ...(picker.chance(0.8) ? own : {}),
    _id: randomId(picker),
    ...(picker.chance(0.9) ? { _rev: rev } : {}),
    ...(picker.chance(0.5)
      ? { _revisions: { start: Number(start), ids: picker.chance(0.5) ? [part] : [part, parent] } }
      : {}),
    ...(picker.chance(0.1) ? { _deleted: picker.pick<unknown>([true, false, 'true']) } : {}),
    ...(picker.chance(0.1) ? { preferences: { theme: picker.pick(['dark', 'light', 'red']) } } : {}),
  };
  if (picker.chance(0.15))
    row[
      picker.pick(['username', '_attachments', 'version', 'edits', '_local_seq', 'type', '_rev', '_revisions', 'roles'])
    ] = randomValue(picker);
  return row;
}

/** A body of one of eight kinds, which `WELL_FORMED_REQUESTS` matches with endpoints. */
export function makeBody(picker: RandomPicker, own: AttackerKnowledge['own'], kind: number): string {
  const value = (): unknown => {
    switch (kind) {
      case 0:
        return {
          docs: picker.list(
            () => ({ id: randomId(picker), ...(picker.chance(0.5) ? { rev: randomRevision(picker, own) } : {}) }),
            6,
          ),
        };
      case 1:
        return Object.fromEntries(
          picker.list(
            () => [
              String(randomId(picker)),
              picker.chance(0.9) ? picker.list(() => randomRevision(picker, own), 3) : randomValue(picker),
            ],
            5,
          ),
        );
      case 2:
      case 3:
        return {
          docs: picker.list(() => makeRow(picker, own), 5),
          ...(picker.chance(0.6) ? { new_edits: picker.pick<unknown>([false, false, false, true, 'false']) } : {}),
        };
      case 4:
        return makeRow(picker, own);
      case 5:
        return { doc_ids: picker.list(() => randomId(picker), 3), selector: { _id: 'user_bob' }, filter: '_doc_ids' };
      case 6:
        return {
          _id: '_local/a',
          last_seq: randomValue(picker),
          ...(picker.chance(0.5) ? { _rev: `0-${picker.integerBelow(9)}` } : {}),
        };
      default:
        return randomValue(picker);
    }
  };
  const text = JSON.stringify(value());
  if (picker.chance(0.03)) return text.slice(0, picker.integerBelow(text.length));
  return picker.chance(0.03) ? text.replace('{', '{"_id":"user_bob","docs":[{"id":"user_bob"}],') : text;
}
