import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document/default-preferences.ts';
import type { PreferenceValues } from '../store-types.ts';
import { formatCell, COLUMNS, filterTasks, TASKS } from './sample-tasks.ts';

const titles = (values: Partial<PreferenceValues>): readonly string[] =>
  filterTasks(TASKS, { ...DEFAULT_PREFERENCES, ...values }).map(({ title }) => title);

test('shows every task without a filter', () => {
  expect(titles({})).toHaveLength(TASKS.length);
});

test('shows the tasks that match one value of every filter, ignoring case', () => {
  expect(titles({ selectedTags: ['Garden', 'travel'] })).toEqual(['Order seeds', 'Fix the gate', 'Plan the trip']);
  expect(titles({ selectedTags: ['garden'], selectedStatus: ['open'] })).toEqual(['Order seeds']);
  expect(titles({ selectedTags: ['garden'], selectedContexts: ['desk'] })).toEqual([]);
});

test('a longer time range never shows fewer tasks', () => {
  const ranges = ['today', 'week', 'month', 'quarter', 'year', 'all'] as const;
  const counts = ranges.map((selectedTimeRange) => titles({ selectedTimeRange }).length);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect([counts[0], counts.at(-1)]).toEqual([2, TASKS.length]);
});

test('every known column has a text for every task, and an unknown one has a dash', () => {
  for (const task of TASKS) {
    for (const column of COLUMNS) expect(formatCell(task, column)).toMatch(/\w/);
    expect(formatCell(task, 'Priority')).toBe('–');
  }
});
