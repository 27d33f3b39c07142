/**
 * What a user may prefer. Every value is bounded, so that the largest document there can be, every list full, still
 * fits in MAX_DOCUMENT_BYTES: merging two documents that fit can then never make one that does not.
 *
 * An application brings its own preferences by another strict object of optional members, each checked for itself: a
 * rule over two members could be broken by a merge of two documents that hold it.
 */
import { z } from 'zod';

/** What the gate takes of one document's body, in bytes of its JSON text. */
export const MAX_DOCUMENT_BYTES = 65_536;

// No control characters and no lone surrogates: JSON writes those as six characters, and CouchDB refuses the latter.
const label = z
  .string()
  .min(1)
  .max(40)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not hold control characters');
const labels = (most: number) => z.array(label).max(most);
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time like 07:30');
const timezone = z
  .string()
  .max(64)
  .regex(/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/, 'must be a time zone like Europe/Vienna');
const timeRange = z.enum(['all', 'today', 'week', 'month', 'quarter', 'year']);

const filterPreset = z.strictObject({
  name: label,
  selectedTags: labels(10).exactOptional(),
  selectedContexts: labels(10).exactOptional(),
  selectedStatus: labels(10).exactOptional(),
  selectedTimeRange: timeRange.exactOptional(),
});

export const preferencesSchema = z.strictObject({
  theme: z.enum(['light', 'dark', 'system']).exactOptional(),
  viewMode: z.enum(['kanban', 'table', 'graph']).exactOptional(),
  tableColumns: labels(30).exactOptional(),
  activitySidebarOpen: z.boolean().exactOptional(),
  dailyBriefing: z.boolean().exactOptional(),
  briefingTime: timeOfDay.exactOptional(),
  dailyRecap: z.boolean().exactOptional(),
  recapTime: timeOfDay.exactOptional(),
  timezone: timezone.exactOptional(),
  selectedTags: labels(30).exactOptional(),
  selectedContexts: labels(30).exactOptional(),
  selectedStatus: labels(30).exactOptional(),
  selectedTimeRange: timeRange.exactOptional(),
  filterPresets: z.array(filterPreset).max(10).exactOptional(),
});

export type Preferences = z.infer<typeof preferencesSchema>;

/** New values by preference. `null` or `undefined` removes one, so that its default holds again. */
export type PatchOf<P extends object> = { readonly [K in keyof P]?: P[K] | null | undefined };
export type PreferencesPatch = PatchOf<Preferences>;

/** The schema of a patch: the same members, each of which may be `null` to remove it. */
export const createPatchSchema = <S extends z.ZodObject>(preferences: S): z.ZodType<PatchOf<z.infer<S>>> =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(preferences.shape).map(([key, value]) => [key, z.union([value, z.null()]).optional()]),
    ),
  ) as z.ZodType as z.ZodType<PatchOf<z.infer<S>>>;

export const preferencesPatchSchema = createPatchSchema(preferencesSchema);

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
