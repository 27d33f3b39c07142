import { printableText } from '../lib/printable-text.ts';

/** Returns a value as JSON that is safe on a terminal: `JSON.stringify` escapes the control characters below U+0020 only. */
export const printableJson = (value: unknown, indent = 2): string => printableText(JSON.stringify(value, null, indent));
