/** Tables for the terminal and for Markdown. Rows have equal lengths. The first column is aligned left. */

export type Row = readonly string[];

/** How all columns but the first are aligned: numbers right, texts left. */
export type Alignment = 'numbers' | 'texts';

/** Formats rows for the terminal. */
export function alignedTable(rows: readonly Row[], alignment: Alignment = 'numbers'): string {
  const pad = padder(columnWidths(rows), alignment);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

/** Formats rows as a Markdown table, with the first row as its header, as Prettier would. */
export function markdownTable([head = [], ...rows]: readonly Row[], alignment: Alignment = 'numbers'): string {
  const widths = columnWidths([head, ...rows]).map((width) => Math.max(width, 3));
  const pad = padder(widths, alignment);
  const line = (row: Row): string => `| ${row.map(pad).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 || alignment === 'texts' ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

const padder =
  (widths: readonly number[], alignment: Alignment) =>
  (cell: string, column: number): string =>
    column === 0 || alignment === 'texts' ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);

const columnWidths = (rows: readonly Row[]): number[] =>
  (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
