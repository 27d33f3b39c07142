import type { PreferenceValues } from '../store-types.ts';
import { formatValue } from '../changes/describe-change.ts';
import { BoardView } from './board-view.tsx';
import { GraphView } from './graph-view.tsx';
import { filterTasks, TASKS, type Task } from './sample-tasks.ts';
import { TableView } from './table-view.tsx';

export interface PreviewProps {
  readonly preferences: PreferenceValues;
  /** The title. Two previews on one page need different ones. */
  readonly label?: string;
}

/** A sample list rendered from the preferences alone, so that it shows every change, wherever it is made. */
export function Preview({ preferences, label = 'Preview' }: PreviewProps) {
  const tasks = filterTasks(TASKS, preferences);
  return (
    <section className="preview card" aria-label={label} data-testid="preview" data-view={preferences.viewMode}>
      <header>
        <h2>{label}</h2>
        <p className="row-hint">{describeTaskCount(tasks.length)}</p>
      </header>
      <div className={preferences.activitySidebarOpen ? 'preview-body with-activity' : 'preview-body'}>
        <div className="preview-list">
          {tasks.length === 0 ? (
            <p className="empty">No sample tasks match these filters.</p>
          ) : (
            <View preferences={preferences} tasks={tasks} />
          )}
        </div>
        {preferences.activitySidebarOpen && <Activity />}
      </div>
      <footer className="row-hint">{describeDailyMessages(preferences)}</footer>
    </section>
  );
}

function View({ preferences, tasks }: { readonly preferences: PreferenceValues; readonly tasks: readonly Task[] }) {
  switch (preferences.viewMode) {
    case 'kanban':
      return <BoardView tasks={tasks} />;
    case 'table':
      return <TableView tasks={tasks} selectedColumns={preferences.tableColumns} />;
    case 'graph':
      return <GraphView tasks={tasks} />;
  }
}

/** A made-up activity feed. */
function Activity() {
  return (
    <div className="activity">
      <strong>Activity</strong>
      <ul>
        <li>Noor sent invoices</li>
        <li>Ada started on the gate</li>
        <li>Ines added seeds</li>
      </ul>
    </div>
  );
}

const describeTaskCount = (count: number): string =>
  count === TASKS.length ? `${count} sample tasks` : `${count} of ${TASKS.length} sample tasks`;

const describeDailyMessages = ({
  dailyBriefing,
  briefingTime,
  dailyRecap,
  recapTime,
  timezone,
}: PreferenceValues): string => {
  const messages = [
    ...(dailyBriefing ? [`briefing at ${briefingTime}`] : []),
    ...(dailyRecap ? [`recap at ${recapTime}`] : []),
  ];
  if (messages.length === 0) return 'No daily messages';
  const text = `${messages.join(', ')} (${formatValue('timezone', timezone)})`;
  return text.charAt(0).toUpperCase() + text.slice(1);
};
