import type { EditLog, StoredEdit } from './edit-log.ts';
import type { Tab } from './simulated-device.ts';

/** The values that one call of `set` stores, as canonical JSON; '' for a removal. */
interface SetCall {
  readonly tab: string;
  readonly patch: Readonly<Record<string, string>>;
}

/** Verifies that each confirmed `set` was stored. */
export class Confirmations {
  /** The stored edits of all confirmed calls. */
  readonly confirmed: StoredEdit[] = [];
  readonly #edits: Pick<EditLog, 'all'>;
  readonly #calls: SetCall[] = [];

  constructor(edits: Pick<EditLog, 'all'>) {
    this.#edits = edits;
  }

  /**
   * Call it before `set`, with the texts of its values.
   *
   * @returns The function to call once the `set` has resolved. It returns the violations.
   */
  begin(tab: Tab, texts: readonly (readonly [key: string, text: string])[]): () => readonly string[] {
    const callCount = this.#calls.push({ tab: tab.name, patch: Object.fromEntries(texts) });
    const storedCount = this.#edits.all.length;
    return () => {
      const stored = this.#edits.all.slice(storedCount).filter((edit) => tab.writesConcurrentlyWith(edit.tab));
      // A later `set` of the same tab may be stored in place of this one. Where tabs write concurrently, so may a `set` of
      // another tab.
      const acceptable = this.#calls.filter((call, index) => call.tab !== tab.name || index >= callCount);
      return texts.flatMap(([key, text]) => {
        const isAcceptable = (edit: StoredEdit): boolean =>
          edit.text === text || acceptable.some(({ patch }) => patch[key] === edit.text);
        const found = stored.find((edit) => edit.key === key && isAcceptable(edit));
        if (found === undefined) return [`${tab.name} confirmed ${key} ${text} without storing it`];
        this.confirmed.push(found);
        return [];
      });
    };
  }
}
