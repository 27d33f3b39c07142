import { keysOf, merge, stampOf, valueText } from '../../../couchdb-design/user-document/merge.ts';
import type { Values } from '../../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocument } from '../../../couchdb-design/user-document/user-document.ts';

type Document = UserDocument<Values>;

/**
 * The merge of the live leaves and of a batch's rows so far. A row that adds nothing costs as much as the row is long: a
 * batch may contain thousands of them, and a merge takes a millisecond for a large document.
 */
export class MergedContent {
  #document: Document;
  /** The texts of the document's values, of those preferences that were compared. */
  readonly #texts = new Map<string, string>();

  constructor(document: Document) {
    this.#document = document;
  }

  get document(): Document {
    return this.#document;
  }

  /** Returns the document with the last edits of a row; the same object if the row adds nothing. */
  mergeWith(row: Document): Document {
    const { created_at, updated_at } = this.#document;
    const addsTime = row.created_at < created_at || row.updated_at > updated_at;
    return addsTime || keysOf(row).some((key) => this.loses(key, row)) ? merge([this.#document, row]) : this.#document;
  }

  replace(document: Document): void {
    if (document === this.#document) return;
    this.#document = document;
    this.#texts.clear();
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
