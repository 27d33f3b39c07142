/**
 * The preferences that each version of the application edits, and their values. Every edit has a text of its own, so that a
 * final value names the edit that set it.
 */
import { DEFAULT_PREFERENCES } from '../../../../couchdb-design/user-document/default-preferences.ts';
import { PREFERENCE_RULES } from '../../../../couchdb-design/user-document/preference-rules.ts';
import { preferencesSchema } from '../../../../couchdb-design/user-document/preferences.ts';
import * as newApp from './new-app.ts';
import * as oldApp from './old-app.ts';

/** The version of the application, which determines the schema. The standalone server and the bot have the built-in one. */
export type Version = 'built-in' | 'old' | 'new';

export const VERSIONS = {
  'built-in': { schema: preferencesSchema, defaults: DEFAULT_PREFERENCES },
  old: oldApp,
  new: newApp,
} as const;

/** How unusual a text is. The edit's own text is inserted. */
export const TEXT_SHAPES = {
  plain: (text: string) => text,
  astral: (text: string) => `${text}😀𝒳\u{10ffff}`,
  combining: (text: string) => `e\u0301${text}\u0308\u200d\u202e`,
  'nearly too long': (text: string) => `${text}${'𝒳'.repeat(40 - text.length)}`,
  quoted: (text: string) => `"${text}\\/\u2028'`,
} as const;
export type TextShape = keyof typeof TEXT_SHAPES;

type MakeValue = (text: string, shape: TextShape) => unknown;

const toText: MakeValue = (text, shape) => TEXT_SHAPES[shape](text);
const toList: MakeValue = (text, shape) => [TEXT_SHAPES[shape](text)];
const toLongList: MakeValue = (text, shape) => [
  TEXT_SHAPES[shape](text),
  ...Array.from({ length: 29 }, () => 'b'.repeat(40)),
];
const toLongText: MakeValue = (text, shape) => TEXT_SHAPES[shape](text).padEnd(2_000, 'ä');
const toDeepValue: MakeValue = (text, shape) => {
  let value: unknown = [TEXT_SHAPES[shape](text), '', {}, [], -0.5, 1e-300, Number.MAX_SAFE_INTEGER, null, false];
  // With the two levels above it has 16, which is the limit.
  for (let depth = 2; depth < 16; depth += 1) value = depth % 2 === 0 ? [value] : { '': value };
  return value;
};
const toShortList: MakeValue = (text) => [text, '😀'];
const toFont: MakeValue = (text, shape) => ({ size: TEXT_SHAPES[shape](text) });
const toPreset: MakeValue = (text, shape) => [{ name: TEXT_SHAPES[shape](text), selectedTags: [] }];

/** The preferences with values that name their edit. */
export type Domain = Readonly<Record<string, MakeValue>>;

/** What each kind of participant edits: its schema has these preferences, and its gate accepts these values. */
export const DOMAINS = {
  'built-in': { selectedTags: toLongList, selectedContexts: toList, tableColumns: toList, filterPresets: toPreset },
  old: { selectedTags: toList, nickname: toLongText, fontSize: toText, legacy: toText, layout: toDeepValue },
  new: { selectedTags: toShortList, nickname: (text) => text, font: toFont, pinned: toList, layout: toDeepValue },
  /** A page of the older version that syncs with a gate of the newer one. */
  'old at new': { selectedTags: toShortList, nickname: (text) => text, fontSize: toText, layout: toDeepValue },
} as const satisfies Record<string, Domain>;
export type DomainName = keyof typeof DOMAINS;

/** What a message to the bot sets. Their values do not name the edit. */
export const BOT_COMMANDS = [
  ...PREFERENCE_RULES.theme.values.map((theme) => ({ text: `/theme ${theme}`, patch: { theme } })),
  ...PREFERENCE_RULES.viewMode.values.map((viewMode) => ({ text: `/view ${viewMode}`, patch: { viewMode } })),
  { text: '/timezone Europe/Vienna', patch: { timezone: 'Europe/Vienna' } },
  { text: '/briefing on 06:30', patch: { dailyBriefing: true, briefingTime: '06:30' } },
  { text: '/sidebar off', patch: { activitySidebarOpen: false } },
] as const;

/** A valid patch of every preference that a version knows, to show that it can set them all. */
export const COMPLETE_PATCHES: Readonly<Record<Version, Readonly<Record<string, unknown>>>> = {
  'built-in': {
    ...DEFAULT_PREFERENCES,
    theme: 'dark',
    selectedTags: ['p'],
    tableColumns: ['p'],
    timezone: 'Europe/Vienna',
  },
  old: { selectedTags: ['p'], nickname: 'p', language: 'en', fontSize: 'p', legacy: 'p', layout: 1 },
  new: { selectedTags: ['p'], nickname: 'p', language: 'en', font: { size: 'p' }, pinned: [], layout: 1 },
};
