/**
 * Returns a value as indented JSON that is safe on a terminal. `JSON.stringify` escapes the control characters below U+0020 only;
 * those from U+0080 and bidirectional overrides, which a subject may contain, are escaped here.
 */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value, null, 2).replace(/[^\P{C}\n]/gu, (character) =>
    // A character beyond U+FFFF is two code units, of which JSON escapes each.
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
