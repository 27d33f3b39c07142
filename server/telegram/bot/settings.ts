import { PREFERENCE_RULES, type Preferences } from '../../../couchdb-design/user-document/preference-rules.ts';

/** What a person may set from a chat, by the command's name: one table for commands, buttons and words. */

/** One of a few values. */
export interface ChoiceSetting {
  readonly kind: 'choice';
  readonly key: 'theme' | 'viewMode';
  readonly label: string;
  readonly values: readonly string[];
}

/** On or off, at a time of day where there is one. */
export interface SwitchSetting {
  readonly kind: 'switch';
  readonly key: 'dailyBriefing' | 'dailyRecap' | 'activitySidebarOpen';
  readonly time: 'briefingTime' | 'recapTime' | undefined;
  readonly label: string;
}

export const SETTINGS = {
  theme: { kind: 'choice', key: 'theme', label: 'Theme', values: PREFERENCE_RULES.theme.values },
  view: { kind: 'choice', key: 'viewMode', label: 'View', values: PREFERENCE_RULES.viewMode.values },
  briefing: { kind: 'switch', key: 'dailyBriefing', time: 'briefingTime', label: 'Daily briefing' },
  recap: { kind: 'switch', key: 'dailyRecap', time: 'recapTime', label: 'Daily recap' },
  sidebar: { kind: 'switch', key: 'activitySidebarOpen', time: undefined, label: 'Activity sidebar' },
} as const satisfies Record<string, ChoiceSetting | SwitchSetting>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

export const settingOf = (name: SettingName): ChoiceSetting | SwitchSetting => SETTINGS[name];

/** What a command may be about. */
export type Topic = SettingName | 'timezone' | 'preferences' | 'start' | 'unlink' | 'help';

/** By topic, what to type and what it does, as Telegram's own list of commands has it. */
export const USAGE: Readonly<Record<Topic, { readonly example: string; readonly does: string }>> = {
  preferences: { example: '/preferences', does: 'show them, with buttons' },
  theme: { example: '/theme light, /theme dark or /theme system', does: 'choose the theme' },
  view: { example: '/view kanban, /view table or /view graph', does: 'choose the view' },
  briefing: { example: '/briefing on 07:30, /briefing on or /briefing off', does: 'the daily briefing' },
  recap: { example: '/recap on 18:00, /recap on or /recap off', does: 'the daily recap' },
  sidebar: { example: '/sidebar on or /sidebar off', does: 'the activity sidebar' },
  timezone: { example: '/timezone Europe/Vienna', does: 'the time zone of these times' },
  unlink: { example: '/unlink', does: 'end this chat’s link' },
  start: { example: '/start', does: 'how to link this chat' },
  help: { example: '/help', does: 'what there is to say' },
};

export const TOPICS = Object.keys(USAGE) as readonly Topic[];

const TIME_ZONES = new Map(['UTC', ...Intl.supportedValuesOf('timeZone')].map((zone) => [zone.toLowerCase(), zone]));

/** A time zone's name as it is written, however somebody has typed it; undefined when there is none of that name. */
export function parseTimeZone(text: string): Preferences['timezone'] | undefined {
  const known = TIME_ZONES.get(text.toLowerCase());
  if (known !== undefined) return known;
  const { maxLength, pattern } = PREFERENCE_RULES.timezone;
  if (text.length > maxLength || !pattern.test(text)) return undefined;
  try {
    // Names that were replaced, or are newer than the list.
    new Intl.DateTimeFormat('en', { timeZone: text });
    return text;
  } catch {
    return undefined;
  }
}
