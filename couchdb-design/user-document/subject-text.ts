/** How logs and the command line show subjects, and how the command line reads them. */
import { decodeSubject, encodeSubject, type Username } from './username.ts';

// Control characters could move a terminal's cursor, format characters reorder a line, and spaces at an end go unnoticed. Letters
// and marks that are not displayed (DI, and the Braille blank) would make two subjects look alike, and two spaces would look like
// the end of a table's column. A single space inside a subject is the only separator that is shown as it is.
const ESCAPED = /\p{C}|\p{DI}|\u2800|(?! )\p{Z}|^ | $| (?= )|\\(?=u\{)/gu;
const ESCAPE_START = '\\u{';
const ESCAPE_SEQUENCE = /\\u\{([0-9a-f]{1,6})\}/g;
const MAX_CODE_POINT = 0x10ffff;

/** Returns a subject for logs and terminals, with `\u{…}` in place of characters that do not show. */
export const escapeSubject = (subject: string): string =>
  subject.replace(ESCAPED, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** Returns the subject of a username, as `escapeSubject` shows it. */
export const formatSubject = (username: Username): string => escapeSubject(decodeSubject(username));

/**
 * Returns the username of a subject as a person types it or as `escapeSubject` shows it; `undefined` if it is none. Escape
 * sequences that `escapeSubject` does not write are refused: the subject of another user may be the text `\u{61}lice`, and must
 * not select `alice`.
 */
export function parseFormattedSubject(text: string): Username | undefined {
  if (!text.includes(ESCAPE_START)) return encodeSubject(text);
  const unescape = (sequence: string, digits: string): string => {
    const codePoint = Number.parseInt(digits, 16);
    return codePoint > MAX_CODE_POINT ? sequence : String.fromCodePoint(codePoint);
  };
  const subject = text.replace(ESCAPE_SEQUENCE, unescape);
  return escapeSubject(subject) === text ? encodeSubject(subject) : undefined;
}
