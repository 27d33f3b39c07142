/**
 * Escapes text that users or their browsers control. A control character could move the cursor or recolour the screen, and
 * a bidirectional override could change how a line reads.
 */
export const escapeControlCharacters = (text: string): string =>
  text.replace(/\p{C}/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);

/**
 * Formats columns with two spaces between them. A column is as wide as its longest cell, at most `MAX_CELL_WIDTH`. Longer cells
 * are truncated, except in the first column, which identifies the row.
 */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows].map(([first = '', ...others]) => [first, ...others.map(truncateCell)]);
  const widths = head.map((_, column) =>
    Math.min(MAX_CELL_WIDTH, Math.max(...all.map((row) => row[column]?.length ?? 0))),
  );
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const MAX_CELL_WIDTH = 60;
const truncateCell = (cell: string): string =>
  cell.length <= MAX_CELL_WIDTH ? cell : `${cell.slice(0, MAX_CELL_WIDTH - 1)}…`;
