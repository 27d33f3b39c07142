/** The defaults of the built-in preferences. They are not in preference-rules.ts, because the browser loads the rules later. */
import type { Preferences } from './preference-rules.ts';

export const DEFAULT_PREFERENCES: Required<Preferences> = {
  theme: 'system',
  viewMode: 'kanban',
  tableColumns: [],
  activitySidebarOpen: true,
  dailyBriefing: false,
  briefingTime: '07:00',
  dailyRecap: false,
  recapTime: '18:00',
  timezone: 'UTC',
  selectedTags: [],
  selectedContexts: [],
  selectedStatus: [],
  selectedTimeRange: 'all',
  filterPresets: [],
};

/** Returns the preferences with defaults filled in. Defaults are never stored, so a changed default reaches every user. */
export const withDefaults = (preferences: Preferences): Required<Preferences> => ({
  ...DEFAULT_PREFERENCES,
  ...preferences,
});
