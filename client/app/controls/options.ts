/** The values and labels of preferences with a fixed set of values. */
import type { PreferenceValues } from '../store-types.ts';

interface Option<V> {
  readonly value: V;
  readonly label: string;
}

export const THEMES: readonly Option<PreferenceValues['theme']>[] = [
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
  { value: 'system', label: 'System' },
];

export const VIEWS: readonly Option<PreferenceValues['viewMode']>[] = [
  { value: 'kanban', label: 'Kanban' },
  { value: 'table', label: 'Table' },
  { value: 'graph', label: 'Graph' },
];

export const TIME_RANGES: readonly Option<PreferenceValues['selectedTimeRange']>[] = [
  { value: 'all', label: 'All' },
  { value: 'today', label: 'Today' },
  { value: 'week', label: 'Week' },
  { value: 'month', label: 'Month' },
  { value: 'quarter', label: 'Quarter' },
  { value: 'year', label: 'Year' },
];
