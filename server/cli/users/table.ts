/**
 * What users typed, or their browsers say of themselves, as a terminal may be given it: a control character could move the
 * cursor or recolour the screen, and one that turns the direction of writing could make a line read as another.
 */
export const escapeControlCharacters = (text: string): string =>
  text.replace(/\p{C}/gu, (odd) => `\\u{${(odd.codePointAt(0) ?? 0).toString(16)}}`);

/** Columns side by side, two spaces between; the longest of a column says how wide it is, to `WIDEST`. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows].map((row) => row.map(truncateCell));
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
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
