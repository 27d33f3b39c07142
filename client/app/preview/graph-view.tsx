import type { Task } from './sample-tasks.ts';

const WIDTH = 300;
const ROW_HEIGHT = 34;

/** The graph view: tasks on the left, tags on the right, and a line from each task to each of its tags. */
export function GraphView({ tasks }: { readonly tasks: readonly Task[] }) {
  const tags = [...new Set(tasks.flatMap((task) => task.tags))];
  const height = Math.max(tasks.length, tags.length) * ROW_HEIGHT;
  const y = (index: number, count: number): number => (height / count) * (index + 0.5);
  return (
    <svg className="graph" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label="Sample tasks and their tags">
      {tasks.flatMap((task, taskIndex) =>
        task.tags.map((tag) => {
          const [y1, y2] = [y(taskIndex, tasks.length), y(tags.indexOf(tag), tags.length)];
          return <path key={task.title + tag} d={`M128 ${y1}C175 ${y1} 165 ${y2} 212 ${y2}`} />;
        }),
      )}
      {tasks.map(({ title, status }, index) => (
        <g key={title} transform={`translate(128 ${y(index, tasks.length)})`}>
          <circle r="5" className={status === 'Done' ? 'done' : ''} />
          <text x="-12" textAnchor="end" dominantBaseline="central">
            {title}
          </text>
        </g>
      ))}
      {tags.map((tag, index) => (
        <g key={tag} transform={`translate(212 ${y(index, tags.length)})`}>
          <circle r="7" className="tag" />
          <text x="14" dominantBaseline="central">
            {tag}
          </text>
        </g>
      ))}
    </svg>
  );
}
