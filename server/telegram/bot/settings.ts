import { PREFERENCE_RULES, type Preferences } from '../../../couchdb-design/user-document/preference-rules.ts';
import { matchesTextRule } from '../../../couchdb-design/user-document/preference-violations.ts';

/** The settings that can be changed in a chat, by command name: one table for commands, buttons and replies. */

/** A setting with a few values. */
export interface ChoiceSetting {
  readonly kind: 'choice';
  readonly key: 'theme' | 'viewMode';
  readonly label: string;
  readonly values: readonly string[];
}

/** A setting that is on or off, some with a time of day. */
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

/** The names of all commands. */
export type Topic = SettingName | 'timezone' | 'preferences' | 'start' | 'unlink' | 'help';

/** The syntax and the effect of each command, for `/help` and Telegram's list of commands. */
export const USAGE: Readonly<Record<Topic, { readonly example: string; readonly does: string }>> = {
  preferences: { example: '/preferences', does: 'show your preferences, with buttons' },
  theme: { example: '/theme light, /theme dark or /theme system', does: 'choose the theme' },
  view: { example: '/view kanban, /view table or /view graph', does: 'choose the view' },
  briefing: { example: '/briefing on 07:30, /briefing on or /briefing off', does: 'turn the daily briefing on or off' },
  recap: { example: '/recap on 18:00, /recap on or /recap off', does: 'turn the daily recap on or off' },
  sidebar: { example: '/sidebar on or /sidebar off', does: 'show or hide the activity sidebar' },
  timezone: { example: '/timezone Europe/Vienna', does: 'set the time zone of these times' },
  unlink: { example: '/unlink', does: 'unlink this chat' },
  start: { example: '/start', does: 'how to link this chat' },
  help: { example: '/help', does: 'list the commands' },
};

export const TOPICS = Object.keys(USAGE) as readonly Topic[];

const TIME_ZONES = new Map(['UTC', ...Intl.supportedValuesOf('timeZone')].map((zone) => [zone.toLowerCase(), zone]));

/** Whether the server knows a time zone of this name. */
export function isKnownTimeZone(name: string): boolean {
  if (TIME_ZONES.has(name.toLowerCase())) return true;
  try {
    // The list lacks deprecated names, and names newer than it.
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the canonical spelling of a time zone's name, ignoring case; a name that the server does not know as it is, since every
 * interface accepts it; `undefined` for a text that is no such name.
 */
export const parseTimeZone = (text: string): Preferences['timezone'] | undefined =>
  TIME_ZONES.get(text.toLowerCase()) ?? (matchesTextRule(PREFERENCE_RULES.timezone, text) ? text : undefined);
