import { formatCell, COLUMNS, type Task } from './sample-tasks.ts';

export interface TableViewProps {
  readonly tasks: readonly Task[];
  /** The columns that the person wants, in their order; none are all. */
  readonly selectedColumns: readonly string[];
}

/** Table: a row for each task. It may be wider than its place, and is scrolled then, by keyboard too. */
export function TableView({ tasks, selectedColumns }: TableViewProps) {
  const columns: readonly string[] = selectedColumns.length > 0 ? selectedColumns : COLUMNS;
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label="Table of sample tasks">
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
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
