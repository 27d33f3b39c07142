/** The names of the preferences on the page. */
import type { Preferences } from '../../couchdb-design/user-document/preference-rules.ts';

export const LABELS: Readonly<Record<keyof Preferences, string>> = {
  theme: 'Theme',
  viewMode: 'Default view',
  tableColumns: 'Table columns',
  activitySidebarOpen: 'Activity sidebar',
  dailyBriefing: 'Daily briefing',
  briefingTime: 'Briefing time',
  dailyRecap: 'Daily recap',
  recapTime: 'Recap time',
  timezone: 'Time zone',
  selectedTags: 'Tags',
  selectedContexts: 'Contexts',
  selectedStatus: 'Status',
  selectedTimeRange: 'Time range',
  filterPresets: 'Saved filters',
};

/** Returns the label of a preference, or the key itself if it has none. */
export const labelOf = (key: string): string => new Map<string, string>(Object.entries(LABELS)).get(key) ?? key;
