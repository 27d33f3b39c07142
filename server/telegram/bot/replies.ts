import type { Preferences } from '../../../couchdb-design/user-document/preference-rules.ts';
import { buttonData, valuesOf } from './parse-button.ts';
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
export const ONLY_PRIVATE = 'I speak with people in private chats only. Open a chat with me to link it.';
export const BAD_CODE =
  'This code is not good: it was used, is older than ten minutes, or was replaced by a newer one. Make another one in the app, under Devices.';
export const OLD_BUTTON = 'This message is from before. Send /preferences for a new one.';
export const UNLINKED = 'This chat is no longer linked. Nothing more can be seen or changed from here.';
export const TOO_MANY_LINKS = 'Too many chats are linked to this account. Unlink one in the app, under Devices.';
export const WENT_WRONG = 'That did not work, through no fault of yours. Try again later.';

export const HELP = [
  'What you can say:',
  ...TOPICS.map((topic) => `${USAGE[topic].example} – ${USAGE[topic].does}`),
].join('\n');

/** For Telegram's own list of commands. */
export const COMMANDS = TOPICS.map((topic) => ({ command: topic, description: USAGE[topic].does }));

export const NOT_UNDERSTOOD = `I do not understand that. ${HELP}`;

/** How it is said what somebody meant to say. */
export const usageOf = (about: Topic): string =>
  about === 'start'
    ? 'Behind /start there is one code, as the app shows it under Devices. The link that it shows says it for you.'
    : `Say ${USAGE[about].example}.`;

/** `before`: whom the chat was linked to until now. */
export function linkedText(username: string, before: string | undefined): string {
  const again = before === username ? ' again; buttons of older messages do nothing any more' : '';
  const instead = before === undefined || before === username ? '' : ` now, and no longer to ${before}`;
  return `This chat is linked to ${username}${again}${instead}. /preferences shows your preferences, /help what else there is, /unlink ends it.`;
}

/** One setting as a line, e.g. `Daily briefing: on, at 07:30 (Europe/Vienna)`. */
export function lineOf(about: SettingName | 'timezone', preferences: Required<Preferences>): string {
  if (about === 'timezone') return `Time zone: ${preferences.timezone}`;
  const setting = settingOf(about);
  if (setting.kind === 'choice') return `${setting.label}: ${preferences[setting.key]}`;
  const at = setting.time === undefined ? '' : `, at ${preferences[setting.time]} (${preferences.timezone})`;
  return `${setting.label}: ${preferences[setting.key] ? `on${at}` : 'off'}`;
}

/** So many of a list are told; Telegram takes 4,096 characters. */
const MOST_TOLD = 10;

const listLine = (label: string, values: readonly string[]): string[] => {
  if (values.length === 0) return [];
  const more = values.length > MOST_TOLD ? `, and ${values.length - MOST_TOLD} more` : '';
  return [`${label}: ${values.slice(0, MOST_TOLD).join(', ')}${more}`];
};

const valueNow = (about: SettingName, preferences: Required<Preferences>): string => {
  const setting = SETTINGS[about];
  const value = preferences[setting.key];
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** All preferences, with buttons for those that have few values. `tag` is the link's. */
export function preferencesReply(username: string, preferences: Required<Preferences>, tag: string): Reply {
  const text = [
    `Preferences of ${username}`,
    ...SETTING_NAMES.map((about) => lineOf(about, preferences)),
    lineOf('timezone', preferences),
    ...listLine('Table columns', preferences.tableColumns),
    ...listLine('Tags', preferences.selectedTags),
    ...listLine('Contexts', preferences.selectedContexts),
    ...listLine('Status', preferences.selectedStatus),
    `Time range: ${preferences.selectedTimeRange}`,
    ...listLine(
      'Saved filters',
      preferences.filterPresets.map(({ name }) => name),
    ),
  ].join('\n');
  const buttons = SETTING_NAMES.map((about) => {
    const now = valueNow(about, preferences);
    return valuesOf(about).map((value) => {
      const words = settingOf(about).kind === 'choice' ? capital(value) : `${settingOf(about).label} ${value}`;
      return { text: value === now ? `✓ ${words}` : words, data: buttonData(tag, about, value) };
    });
  });
  return { text, buttons };
}
