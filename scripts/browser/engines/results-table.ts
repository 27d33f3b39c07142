import { alignedTable } from '../../tables.ts';

/** The result of a step in one browser. */
export interface StepResult {
  /** A step after a failed one is skipped. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was measured. */
  readonly note?: string;
}

/** The results of one browser. */
export interface Column {
  /** The browser's name and version. */
  readonly title: string;
  /** A result for each step, in the order of the steps. */
  readonly results: readonly StepResult[];
}

const formatResult = ({ outcome, note }: StepResult): string => (outcome === 'passed' ? (note ?? 'ok') : outcome);

/** Returns a table with a row for each step and a column for each browser. */
export function formatTable(steps: readonly string[], columns: readonly Column[]): string {
  const rows = [
    ['', ...columns.map(({ title }) => title)],
    ...steps.map((step, index) => [
      step,
      ...columns.map(({ results }) => formatResult(results[index] ?? { outcome: 'skipped' })),
    ]),
  ];
  return alignedTable(rows, 'texts');
}
