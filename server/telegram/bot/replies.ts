import type { Preferences } from '../../../couchdb-design/user-document/preference-rules.ts';
import { buttonData, buttonValuesOf } from './parse-button.ts';
import { SETTING_NAMES, SETTINGS, settingOf, TOPICS, USAGE, type SettingName, type Topic } from './settings.ts';

/**
 * What the bot says. All of it is plain text, sent without a parse mode: what stands in a user's values is shown as it is,
 * and is never markup.
 */
export interface Reply {
  readonly text: string;
  readonly buttons?: readonly (readonly { readonly text: string; readonly data: string }[])[];
}

export const HOW_TO_LINK =
  'This chat is not linked to anybody. Sign in to the app, go to Devices, choose “Link a Telegram chat”, and open the link that it shows.';
export const PRIVATE_CHATS_ONLY = 'I speak with people in private chats only. Open a chat with me to link it.';
export const INVALID_CODE =
  'This code is not good: it was used, is older than ten minutes, or was replaced by a newer one. Make another one in the app, under Devices.';
export const STALE_BUTTON = 'This message is from before. Send /preferences for a new one.';
export const UNLINKED = 'This chat is no longer linked. Nothing more can be seen or changed from here.';
export const TOO_MANY_LINKS = 'Too many chats are linked to this account. Unlink one in the app, under Devices.';
export const INTERNAL_FAILURE = 'That did not work, through no fault of yours. Try again later.';

export const HELP = [
  'What you can say:',
  ...TOPICS.map((topic) => `${USAGE[topic].example} – ${USAGE[topic].does}`),
].join('\n');

/** For Telegram's own list of commands. */
export const COMMANDS = TOPICS.map((topic) => ({ command: topic, description: USAGE[topic].does }));

export const UNKNOWN_COMMAND = `I do not understand that. ${HELP}`;

/** How it is said what somebody meant to say. */
export const usageText = (topic: Topic): string =>
  topic === 'start'
    ? 'Behind /start there is one code, as the app shows it under Devices. The link that it shows says it for you.'
    : `Say ${USAGE[topic].example}.`;

/** `before`: whom the chat was linked to until now. */
export function linkedText(username: string, previousUsername: string | undefined): string {
  const again = previousUsername === username ? ' again; buttons of older messages do nothing any more' : '';
  const instead =
    previousUsername === undefined || previousUsername === username ? '' : ` now, and no longer to ${previousUsername}`;
  return `This chat is linked to ${username}${again}${instead}. /preferences shows your preferences, /help what else there is, /unlink ends it.`;
}

/** One setting as a line, e.g. `Daily briefing: on, at 07:30 (Europe/Vienna)`. */
export function formatSetting(about: SettingName | 'timezone', preferences: Required<Preferences>): string {
  if (about === 'timezone') return `Time zone: ${preferences.timezone}`;
  const setting = settingOf(about);
  if (setting.kind === 'choice') return `${setting.label}: ${preferences[setting.key]}`;
  const at = setting.time === undefined ? '' : `, at ${preferences[setting.time]} (${preferences.timezone})`;
  return `${setting.label}: ${preferences[setting.key] ? `on${at}` : 'off'}`;
}

/** So many of a list are told; Telegram takes 4,096 characters. */
const MAX_LISTED_ITEMS = 10;

const formatList = (label: string, values: readonly string[]): string[] => {
  if (values.length === 0) return [];
  const more = values.length > MAX_LISTED_ITEMS ? `, and ${values.length - MAX_LISTED_ITEMS} more` : '';
  return [`${label}: ${values.slice(0, MAX_LISTED_ITEMS).join(', ')}${more}`];
};

const currentValue = (about: SettingName, preferences: Required<Preferences>): string => {
  const setting = SETTINGS[about];
  const value = preferences[setting.key];
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
};

const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** All preferences, with buttons for those that have few values. `tag` is the link's. */
export function preferencesReply(username: string, preferences: Required<Preferences>, tag: string): Reply {
  const text = [
    `Preferences of ${username}`,
    ...SETTING_NAMES.map((about) => formatSetting(about, preferences)),
    formatSetting('timezone', preferences),
    ...formatList('Table columns', preferences.tableColumns),
    ...formatList('Tags', preferences.selectedTags),
    ...formatList('Contexts', preferences.selectedContexts),
    ...formatList('Status', preferences.selectedStatus),
    `Time range: ${preferences.selectedTimeRange}`,
    ...formatList(
      'Saved filters',
      preferences.filterPresets.map(({ name }) => name),
    ),
  ].join('\n');
  const buttons = SETTING_NAMES.map((about) => {
    const current = currentValue(about, preferences);
    return buttonValuesOf(about).map((value) => {
      const label = settingOf(about).kind === 'choice' ? capitalize(value) : `${settingOf(about).label} ${value}`;
      return { text: value === current ? `✓ ${label}` : label, data: buttonData(tag, about, value) };
    });
  });
  return { text, buttons };
}
