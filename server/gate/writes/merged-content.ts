import { canonicalCopy } from '../../../couchdb-design/user-document/canonical-json.ts';
import { documentBytes } from '../../../couchdb-design/user-document/document-changes.ts';
import { keysOf, merge, stampOf, valueText } from '../../../couchdb-design/user-document/merge.ts';
import type { Values } from '../../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocument } from '../../../couchdb-design/user-document/user-document.ts';

type Document = UserDocument<Values>;

/** What a row changes. `before` and `after` have only the preferences that it changes, and `before` the latest stamp. */
export interface MergedChange {
  readonly before: Document;
  readonly after: Document;
  /** The bytes of the preferences that do not change. */
  readonly otherBytes: number;
  readonly document: Document;
}

const pickKeys = <T>(members: Readonly<Record<string, T>>, keys: readonly string[]): Readonly<Record<string, T>> =>
  Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(members, key) ? [[key, members[key] as T] as const] : [])));

const pickPreferences = (document: Document, keys: readonly string[]): Document => ({
  ...document,
  preferences: pickKeys(document.preferences, keys),
  edits: pickKeys(document.edits, keys),
});

/**
 * The merge of the live leaves and of a batch's rows so far. A batch may contain thousands of rows, and a merge or a check of a
 * whole large document takes milliseconds. So only the preferences that a row changes are merged and checked.
 */
export class MergedContent {
  #document: Document;
  /** The latest stamp, by its preference. */
  #latest: Document['edits'];
  /** The texts of the document's values, of those preferences that were compared. */
  readonly #texts = new Map<string, string>();

  constructor(document: Document) {
    this.#document = document;
    this.#latest = latestOf(document.edits);
  }

  get document(): Document {
    return canonicalCopy(this.#document);
  }

  /** Whether a row adds anything. It costs as much as the row is long. */
  isChangedBy(row: Document): boolean {
    const { created_at, updated_at } = this.#document;
    const addsTime = row.created_at < created_at || row.updated_at > updated_at;
    return addsTime || keysOf(row).some((key) => this.loses(key, row));
  }

  /** Returns how the last edits of a row change the document; undefined if the row adds nothing. */
  changeBy(row: Document): MergedChange | undefined {
    if (!this.isChangedBy(row)) return undefined;
    const { preferences, edits } = this.#document;
    const keys = keysOf(row).filter((key) => this.loses(key, row));
    const part = pickPreferences(this.#document, keys);
    const before = { ...part, edits: { ...this.#latest, ...part.edits } };
    const after = merge<Values>([before, pickPreferences(row, keys)]);
    // A removal has no value in `after`.
    const changed = new Set(keys);
    const others = Object.fromEntries(Object.entries(preferences).filter(([key]) => !changed.has(key)));
    const document = {
      ...after,
      preferences: { ...others, ...after.preferences },
      edits: { ...edits, ...after.edits },
    };
    return { before, after, document, otherBytes: documentBytes(document) - documentBytes(after) };
  }

  apply({ document, after }: MergedChange): void {
    this.#document = document;
    this.#latest = latestOf({ ...this.#latest, ...after.edits });
    for (const key of keysOf(after)) this.#texts.delete(key);
  }

  /** Whether the row's state of a preference is the later one, by the order of merge.ts. */
  loses(key: string, row: Document): boolean {
    const [own, other] = [stampOf(this.#document, key) ?? '', stampOf(row, key) ?? ''];
    return own === other ? this.#textOf(key) < valueText(row, key) : own < other;
  }

  #textOf(key: string): string {
    const cached = this.#texts.get(key);
    if (cached !== undefined) return cached;
    const text = valueText(this.#document, key);
    this.#texts.set(key, text);
    return text;
  }
}

/** Returns the latest stamp. Those of a document that was read are well-formed. */
const latestOf = (edits: Document['edits']): Document['edits'] => {
  const [first, ...others] = Object.entries(edits);
  if (first === undefined) return {};
  return Object.fromEntries([others.reduce((latest, entry) => (entry[1] > latest[1] ? entry : latest), first)]);
};
