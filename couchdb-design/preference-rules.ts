/**
 * What a user may prefer, as rules that a browser can check without a validator's weight and the server with zod
 * (preferences.ts): one table, two checks, held to be of one opinion by check-preferences.test.ts.
 */
import { boolean, list, oneOf, record, text, type Rules, type ValueOf } from './value-rules.ts';

// No control characters and no lone surrogates: JSON writes those as six characters, and CouchDB refuses the latter.
const label = text(40, /^[^\p{Cc}\p{Cs}]+$/u, 'must be 1 to 40 characters without control characters');
const labels = (most: number) => list(most, label);
const timeOfDay = text(5, /^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time like 07:30');
const timeRange = oneOf('all', 'today', 'week', 'month', 'quarter', 'year');

/**
 * Every value is bounded, so that the largest document there can be, every list full, still fits in MAX_DOCUMENT_BYTES:
 * merging two documents that fit can then never make one that does not.
 */
export const PREFERENCE_RULES = {
  theme: oneOf('light', 'dark', 'system'),
  viewMode: oneOf('kanban', 'table', 'graph'),
  tableColumns: labels(30),
  activitySidebarOpen: boolean,
  dailyBriefing: boolean,
  briefingTime: timeOfDay,
  dailyRecap: boolean,
  recapTime: timeOfDay,
  timezone: text(64, /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/, 'must be a time zone like Europe/Vienna'),
  selectedTags: labels(30),
  selectedContexts: labels(30),
  selectedStatus: labels(30),
  selectedTimeRange: timeRange,
  filterPresets: list(
    10,
    record(
      {
        name: label,
        selectedTags: labels(10),
        selectedContexts: labels(10),
        selectedStatus: labels(10),
        selectedTimeRange: timeRange,
      },
      'name',
    ),
  ),
} satisfies Rules;

/** Every preference is optional: what was never set has its default. */
export type Preferences = { -readonly [K in keyof typeof PREFERENCE_RULES]?: ValueOf<(typeof PREFERENCE_RULES)[K]> };

/** New values by preference. `null` or `undefined` removes one, so that its default holds again. */
export type PatchOf<P extends object> = { readonly [K in keyof P]?: P[K] | null | undefined };
export type PreferencesPatch = PatchOf<Preferences>;

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

/** The preferences as the application shows them. Defaults are never stored: a better default reaches everybody. */
export const withDefaults = (preferences: Preferences): Required<Preferences> => ({
  ...DEFAULT_PREFERENCES,
  ...preferences,
});
