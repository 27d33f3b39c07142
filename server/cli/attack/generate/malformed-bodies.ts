import { foreignIds } from './attack-cases.ts';
import type { AttackNames } from './names.ts';
import type { RandomPicker } from './random.ts';

/** A document as its user reads it. */
export type OwnDocument = Readonly<Record<string, unknown>>;

/** How many kinds of body `makeBody` knows. */
export const BODY_KINDS = 8;

/** Makes bodies in which valid values of the attacker are mixed with invalid ones, so that many requests are accepted. */
export class BodyGenerator {
  readonly #picker: RandomPicker;
  readonly #names: AttackNames;
  readonly #foreignIds: readonly string[];

  constructor(picker: RandomPicker, names: AttackNames) {
    this.#picker = picker;
    this.#names = names;
    this.#foreignIds = foreignIds(names);
  }

  /** A revision: often the own one, seldom an invalid one. */
  revision(own: OwnDocument): string {
    const picker = this.#picker;
    return picker.chance(0.4)
      ? String(own['_rev'])
      : `${picker.integerBelow(4)}-${picker
          .integerBelow(99)
          .toString(16)
          .padStart(picker.pick([31, 32, 32, 32]), '0')}`;
  }

  /** A body of one of eight kinds, which `WELL_FORMED_REQUESTS` matches with endpoints. */
  body(own: OwnDocument, kind: number): string {
    const picker = this.#picker;
    const text = JSON.stringify(this.#value(own, kind));
    if (picker.chance(0.03)) return text.slice(0, picker.integerBelow(text.length));
    if (!picker.chance(0.03)) return text;
    const id = JSON.stringify(this.#names.other.id);
    return text.replace('{', `{"_id":${id},"docs":[{"id":${id}}],`);
  }

  #value(own: OwnDocument, kind: number): unknown {
    const picker = this.#picker;
    switch (kind) {
      case 0:
        return {
          docs: picker.list(() => ({ id: this.#id(), ...(picker.chance(0.5) ? { rev: this.revision(own) } : {}) }), 6),
        };
      case 1:
        return Object.fromEntries(
          picker.list(
            () => [
              String(this.#id()),
              picker.chance(0.9) ? picker.list(() => this.revision(own), 3) : this.#anything(),
            ],
            5,
          ),
        );
      case 2:
      case 3:
        return {
          docs: picker.list(() => this.#row(own), 5),
          ...(picker.chance(0.6) ? { new_edits: picker.pick<unknown>([false, false, false, true, 'false']) } : {}),
        };
      case 4:
        return this.#row(own);
      case 5:
        return {
          doc_ids: picker.list(() => this.#id(), 3),
          selector: { _id: this.#names.other.id },
          filter: '_doc_ids',
        };
      case 6:
        return {
          _id: '_local/a',
          last_seq: this.#anything(),
          ...(picker.chance(0.5) ? { _rev: `0-${picker.integerBelow(9)}` } : {}),
        };
      default:
        return this.#anything();
    }
  }

  #id(): unknown {
    const picker = this.#picker;
    const { own, other } = this.#names;
    if (picker.chance(0.45)) return own.id;
    if (picker.chance(0.9)) return picker.pick(this.#foreignIds);
    return picker.pick<unknown>([null, 1, [other.id], { id: other.id }, true]);
  }

  /** A value of any type, for members of which another type is expected. */
  #anything(depth = 0): unknown {
    const picker = this.#picker;
    return picker.pick<() => unknown>([
      () => null,
      () => picker.integerBelow(1_000),
      () => -1,
      () => 1e300,
      () => this.#names.other.id,
      () => '\u0000',
      () => '\ud800',
      () => true,
      () => (depth > 3 ? [] : picker.list(() => this.#anything(depth + 1), 3)),
      () => {
        const member = (): [string, unknown] => [
          picker.pick(['_id', 'docs', '__proto__', 'x', 'ids', 'start']),
          this.#anything(depth + 1),
        ];
        return depth > 3 ? {} : Object.fromEntries(picker.list(member, 3));
      },
    ])();
  }

  #row(own: OwnDocument): unknown {
    const picker = this.#picker;
    if (picker.chance(0.05)) return this.#anything();
    const rev = this.revision(own);
    const [start = '1', part = ''] = rev.split('-');
    const parent = String(own['_rev']).split('-')[1] ?? '';
    const row: Record<string, unknown> = {
      ...(picker.chance(0.8) ? own : {}),
      _id: this.#id(),
      ...(picker.chance(0.9) ? { _rev: rev } : {}),
      ...(picker.chance(0.5)
        ? { _revisions: { start: Number(start), ids: picker.chance(0.5) ? [part] : [part, parent] } }
        : {}),
      ...(picker.chance(0.1) ? { _deleted: picker.pick<unknown>([true, false, 'true']) } : {}),
      ...(picker.chance(0.1) ? { preferences: { theme: picker.pick(['dark', 'light', 'red']) } } : {}),
    };
    if (picker.chance(0.15)) row[picker.pick(RESERVED_MEMBERS)] = this.#anything();
    return row;
  }
}

const RESERVED_MEMBERS = [
  'username',
  '_attachments',
  'version',
  'edits',
  '_local_seq',
  'type',
  '_rev',
  '_revisions',
  'roles',
];
