/** Made-up tasks for the preview, filtered as a real list would be. */
import type { PreferenceValues } from '../store-types.ts';

export interface Task {
  readonly title: string;
  readonly status: string;
  /** Days from today. */
  readonly due: number;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly context: string;
}

export const STATUSES = ['Open', 'Doing', 'Done'] as const;

export const TASKS: readonly Task[] = [
  { title: 'Order seeds', status: 'Open', due: 3, owner: 'Ines', tags: ['garden'], context: 'online' },
  { title: 'Fix the gate', status: 'Doing', due: 0, owner: 'Ada', tags: ['home', 'garden'], context: 'outdoors' },
  { title: 'Call the plumber', status: 'Open', due: 1, owner: 'Ada', tags: ['home'], context: 'phone' },
  { title: 'Write the report', status: 'Doing', due: 12, owner: 'Noor', tags: ['work'], context: 'desk' },
  { title: 'Plan the trip', status: 'Open', due: 48, owner: 'Ines', tags: ['travel'], context: 'online' },
  { title: 'Send invoices', status: 'Done', due: 0, owner: 'Noor', tags: ['work'], context: 'desk' },
];

/** All columns, in their default order. */
export const COLUMNS = ['Title', 'Status', 'Due', 'Owner', 'Tags', 'Context'] as const;

const TIME_RANGE_DAYS: Readonly<Record<PreferenceValues['selectedTimeRange'], number>> = {
  today: 0,
  week: 7,
  month: 31,
  quarter: 92,
  year: 366,
  all: Infinity,
};

const toLowerCase = (texts: readonly string[]): readonly string[] => texts.map((text) => text.toLowerCase());

/** Returns the tasks that match one value of every filter. An empty filter matches all. Case is ignored. */
export const filterTasks = (tasks: readonly Task[], preferences: PreferenceValues): readonly Task[] => {
  const [tags, contexts, statuses] = [
    toLowerCase(preferences.selectedTags),
    toLowerCase(preferences.selectedContexts),
    toLowerCase(preferences.selectedStatus),
  ];
  const matches = (selected: readonly string[], values: readonly string[]): boolean =>
    selected.length === 0 || toLowerCase(values).some((value) => selected.includes(value));
  return tasks.filter(
    ({ tags: taskTags, context, status, due }) =>
      matches(tags, taskTags) &&
      matches(contexts, [context]) &&
      matches(statuses, [status]) &&
      due <= TIME_RANGE_DAYS[preferences.selectedTimeRange],
  );
};

/** `due` is in days from today. */
export const formatDue = (due: number): string => (due === 0 ? 'today' : due === 1 ? 'tomorrow' : `in ${due} days`);

/** Returns the text of a cell, or a dash for an unknown column. */
export const formatCell = (task: Task, column: string): string => {
  switch (column.toLowerCase()) {
    case 'title':
      return task.title;
    case 'status':
      return task.status;
    case 'due':
      return formatDue(task.due);
    case 'owner':
      return task.owner;
    case 'tags':
      return task.tags.join(', ');
    case 'context':
      return task.context;
    default:
      return '–';
  }
};
