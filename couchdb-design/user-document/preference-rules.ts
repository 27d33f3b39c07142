/**
 * The preferences as data. preference-violations.ts validates values by them, in the browser and on the server. The zod schema
 * of preferences.ts is derived from them as well.
 */

/** The rule for one value. `maxLength` is in code points. */
export type Rule =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'oneOf'; readonly values: readonly string[] }
  | { readonly kind: 'text'; readonly maxLength: number; readonly pattern: RegExp; readonly message: string }
  | { readonly kind: 'list'; readonly of: Rule; readonly maxItems: number }
  | { readonly kind: 'record'; readonly members: Rules; readonly required: readonly string[] };

export type Rules = Readonly<Record<string, Rule>>;

/** The type of the values that a rule allows. */
export type ValueOf<R> = R extends { readonly kind: 'boolean' }
  ? boolean
  : R extends { readonly kind: 'oneOf'; readonly values: readonly (infer V)[] }
    ? V
    : R extends { readonly kind: 'text' }
      ? string
      : R extends { readonly kind: 'list'; readonly of: infer Of }
        ? ValueOf<Of>[]
        : R extends { readonly kind: 'record'; readonly members: infer M; readonly required: readonly (infer K)[] }
          ? { [Key in keyof M as Key extends K ? Key : never]: ValueOf<M[Key]> } & {
              [Key in keyof M as Key extends K ? never : Key]?: ValueOf<M[Key]>;
            }
          : never;

const text = (maxLength: number, pattern: RegExp, message: string) =>
  ({ kind: 'text', maxLength, pattern, message }) as const;
const oneOf = <const V extends readonly string[]>(...values: V) => ({ kind: 'oneOf', values }) as const;
const boolean = { kind: 'boolean' } as const;

// No control characters and no lone surrogates: JSON escapes both with six characters, and CouchDB rejects the latter.
const label = text(40, /^[^\p{Cc}\p{Cs}]+$/u, 'must be 1 to 40 printable characters');
const labels = <const M extends number>(maxItems: M) => ({ kind: 'list', of: label, maxItems }) as const;
const timeOfDay = text(5, /^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time like 07:30');
const timeRange = oneOf('all', 'today', 'week', 'month', 'quarter', 'year');

/**
 * The rules of the built-in preferences. Every value is bounded, so that a document with all the longest values fits in
 * MAX_DOCUMENT_BYTES, and so does every merge. (Only texts that consist of characters beyond the BMP could exceed it by 7 %.)
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
  filterPresets: {
    kind: 'list',
    of: {
      kind: 'record',
      members: {
        name: label,
        selectedTags: labels(10),
        selectedContexts: labels(10),
        selectedStatus: labels(10),
        selectedTimeRange: timeRange,
      },
      required: ['name'],
    },
    maxItems: 10,
  },
} as const satisfies Rules;

/** The preferences. Each is optional: an unset one has its default. */
export type Preferences = { -readonly [K in keyof typeof PREFERENCE_RULES]?: ValueOf<(typeof PREFERENCE_RULES)[K]> };

/** New values by preference. `null` or `undefined` removes a preference and restores its default. */
export type PatchOf<P extends object> = { readonly [K in keyof P]?: P[K] | null | undefined };
export type PreferencesPatch = PatchOf<Preferences>;
