/**
 * The acknowledged edits of one history, and which of them may be the final one.
 *
 * An edit replaces those that its author could see: the value that was shown before it, and the author's own earlier edits.
 * So the final value of a preference is that of an acknowledged edit that no other edit has replaced. It does not matter
 * what the clocks show.
 */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import type { Document } from './devices.ts';
import type { Values } from '../../testing/preferences-over-rest.ts';

export interface LedgerEntry {
  readonly author: string;
  readonly key: string;
  /** The value that it set; undefined for a removal. */
  readonly value: unknown;
  /** The value that its author saw before. */
  readonly seen: unknown;
}

/** Canonical JSON; '' for no value. */
const textOf = (value: unknown): string => (value === undefined || value === null ? '' : canonicalJson(value));

/** Whether another edit has replaced this one. */
const isReplaced = (entry: LedgerEntry, index: number, entries: readonly LedgerEntry[]): boolean =>
  entries.slice(index + 1).some(({ author }) => author === entry.author) ||
  (textOf(entry.value) !== '' && entries.some(({ seen }) => textOf(seen) === textOf(entry.value)));

/** Returns the texts of the values that may be final; an empty list when there is no edit. */
const finalTexts = (entries: readonly LedgerEntry[]): readonly string[] =>
  entries.filter((entry, index) => !isReplaced(entry, index, entries)).map(({ value }) => textOf(value));

/** The value that the newer version of the application shows for an edit of the older one. */
const toFont = (value: unknown): unknown => (value === undefined || value === null ? undefined : { size: value });

export class EditLedger {
  readonly #entries: LedgerEntry[] = [];

  record(entry: LedgerEntry): void {
    this.#entries.push(entry);
  }

  /** Returns the violations in the stored document, and in what the newer version shows. */
  findViolations({ preferences }: Document, shownByNewVersion: Values): readonly string[] {
    const keys = [...new Set(this.#entries.map(({ key }) => key))];
    const fontTexts = this.#entriesOf('fontSize').map(({ value }) => textOf(toFont(value)));
    const stored = keys.flatMap((key) => {
      const expected = finalTexts(this.#entriesOf(key));
      const text = textOf(preferences[key]);
      // What the newer version derives is stored with its next edit. It has the stamp of its source, so it may win.
      const isDerived =
        key === 'font' &&
        fontTexts.includes(text) &&
        this.#entriesOf('font').every(({ seen }) => textOf(seen) !== text);
      return expected.includes(text) || isDerived ? [] : [describe(key, text, expected)];
    });
    return [...stored, ...this.#findFontViolation(shownByNewVersion)];
  }

  /** The newer version shows the newest edit under the old or the new name. */
  #findFontViolation({ font }: Values): readonly string[] {
    const older = this.#entriesOf('fontSize').map((entry) => ({
      ...entry,
      value: toFont(entry.value),
      seen: toFont(entry.seen),
    }));
    const entries = [...older, ...this.#entriesOf('font')];
    const text = textOf(font);
    // A removal under the old name does not remove a value that was stored under the new one.
    if (older.some(({ value }) => value === undefined) || entries.length === 0) return [];
    const expected = finalTexts(entries);
    return expected.includes(text) ? [] : [describe('font, as the newer version shows it,', text, expected)];
  }

  #entriesOf(key: string): readonly LedgerEntry[] {
    return this.#entries.filter((entry) => entry.key === key);
  }
}

const describe = (key: string, text: string, expected: readonly string[]): string =>
  `${key} is ${text || 'unset'}. Expected one of: ${expected.map((each) => each || 'unset').join(', ')}.`;
