import { formatDue, STATUSES, type Task } from './sample-tasks.ts';

/** The Kanban view: a column for each status. */
export function BoardView({ tasks }: { readonly tasks: readonly Task[] }) {
  return (
    <div className="board">
      {STATUSES.map((status) => (
        <div key={status} className="board-column">
          <strong>{status}</strong>
          {tasks
            .filter((task) => task.status === status)
            .map(({ title, due }) => (
              <div key={title} className="board-task">
                {title}
                <small>{formatDue(due)}</small>
              </div>
            ))}
        </div>
      ))}
    </div>
  );
}
