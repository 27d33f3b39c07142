import { formatCell, COLUMNS, type Task } from './sample-tasks.ts';

export interface TableViewProps {
  readonly tasks: readonly Task[];
  /** The selected columns, in order. An empty list selects all columns. */
  readonly selectedColumns: readonly string[];
}

/** The table view: a row for each task. A wide table scrolls, with the keyboard, too. */
export function TableView({ tasks, selectedColumns }: TableViewProps) {
  const columns: readonly string[] = selectedColumns.length > 0 ? selectedColumns : COLUMNS;
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label="Table of sample tasks">
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                <bdi>{column}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.title}>
              {columns.map((column) => (
                <td key={column}>{formatCell(task, column)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
