import type { Preferences } from '../../../couchdb-design/user-document/preference-rules.ts';
import { buttonData, buttonValuesOf } from './parse-button.ts';
import {
  isKnownTimeZone,
  SETTING_NAMES,
  SETTINGS,
  settingOf,
  TOPICS,
  USAGE,
  type SettingName,
  type Topic,
} from './settings.ts';

/** A message of the bot. It is plain text, sent without a parse mode, so users' values are never interpreted as markup. */
export interface Reply {
  readonly text: string;
  readonly buttons?: readonly (readonly { readonly text: string; readonly data: string }[])[];
}

export const HOW_TO_LINK =
  'This chat is not linked to an account yet. Sign in to the app, go to Devices, choose “Link a Telegram chat”, and open the link shown there.';
export const PRIVATE_CHATS_ONLY = 'I work in private chats only. Open a chat with me to link it.';
export const INVALID_CODE =
  'This code is not valid. It was already used, is older than ten minutes, or was replaced by a newer one. Create a new one in the app, under Devices.';
export const STALE_BUTTON = 'This button is outdated. Send /preferences for new ones.';
export const UNLINKED = 'This chat is no longer linked. It can no longer show or change your preferences.';
export const TOO_MANY_LINKS = 'Too many chats are linked to this account. Unlink one in the app, under Devices.';
export const INTERNAL_FAILURE = 'Sorry, that did not work because of a problem on our side. Please try again later.';

export const HELP = [
  'Here is what you can send:',
  ...TOPICS.map((topic) => `${USAGE[topic].example} – ${USAGE[topic].does}`),
].join('\n');

/** The entries of Telegram's list of commands. */
export const COMMANDS = TOPICS.map((topic) => ({ command: topic, description: USAGE[topic].does }));

export const UNKNOWN_COMMAND = `Sorry, I do not understand that. ${HELP}`;

/** Returns the hint for a command with wrong syntax. */
export const usageText = (topic: Topic): string =>
  topic === 'start'
    ? 'Send /start with one code, which the app shows under Devices. The link shown there does this for you.'
    : `Send ${USAGE[topic].example}.`;

/** Confirms a link. `previousUsername` is the user that the chat was linked to before. */
export function linkedText(username: string, previousUsername: string | undefined): string {
  const again = previousUsername === username ? ' again. Buttons of older messages no longer work' : '';
  const instead =
    previousUsername === undefined || previousUsername === username ? '' : ` now, and no longer to ${previousUsername}`;
  return `This chat is linked to ${username}${again}${instead}. /preferences shows your preferences, /help lists all commands, and /unlink unlinks this chat.`;
}

/** Formats one setting as a line, such as `Daily briefing: on, at 07:30 (Europe/Vienna)`. */
export function formatSetting(about: SettingName | 'timezone', preferences: Required<Preferences>): string {
  if (about === 'timezone') return formatTimeZone(preferences.timezone);
  const setting = settingOf(about);
  if (setting.kind === 'choice') return `${setting.label}: ${preferences[setting.key]}`;
  const at = setting.time === undefined ? '' : `, at ${preferences[setting.time]} (${preferences.timezone})`;
  return `${setting.label}: ${preferences[setting.key] ? `on${at}` : 'off'}`;
}

const formatTimeZone = (name: string): string =>
  isKnownTimeZone(name) ? `Time zone: ${name}` : `Time zone: ${name} (unknown here; send one such as Europe/Vienna)`;

/** Longer lists are shortened, because a message of Telegram has at most 4,096 characters: UTF-16 code units, as here. */
const MAX_LISTED_ITEMS = 10;
const MAX_LIST_LENGTH = 420;

const formatList = (label: string, values: readonly string[]): string[] => {
  if (values.length === 0) return [];
  const shown = values.slice(0, MAX_LISTED_ITEMS);
  while (shown.join(', ').length > MAX_LIST_LENGTH) shown.pop();
  const remainder = values.length > shown.length ? `, and ${values.length - shown.length} more` : '';
  return [`${label}: ${shown.join(', ')}${remainder}`];
};

const currentValue = (about: SettingName, preferences: Required<Preferences>): string => {
  const setting = SETTINGS[about];
  const value = preferences[setting.key];
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
};

const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Shows all preferences, with buttons for the settings. `tag` is the link's. */
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
