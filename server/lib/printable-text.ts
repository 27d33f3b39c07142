/**
 * Escapes the characters that control a terminal or the direction of its text, except the line feed: control characters (U+009B starts an
 * escape sequence as ESC [ does), bidirectional overrides and other format characters, lone surrogates, unassigned characters. The
 * escapes are those of JSON, so JSON stays the same value.
 */
export const printableText = (text: string): string =>
  IS_PRINTABLE_ASCII.test(text) ? text : text.replace(UNPRINTABLE, escapeUnits);

/** The fast path of nearly all log lines. */
const IS_PRINTABLE_ASCII = /^[\n\x20-\x7e]*$/;
const UNPRINTABLE = /[^\P{C}\n]/gu;

/** A character beyond U+FFFF is two code units, of which JSON escapes each. */
const escapeUnits = (character: string): string =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
