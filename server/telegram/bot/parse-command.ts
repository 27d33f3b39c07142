import { PREFERENCE_RULES, type PreferencesPatch } from '../../../couchdb-design/user-document/preference-rules.ts';
import {
  parseTimeZone,
  SETTING_NAMES,
  settingOf,
  TOPICS,
  type ChoiceSetting,
  type SwitchSetting,
  type Topic,
} from './settings.ts';

/** The meaning of a message. */
export type Command =
  | { readonly kind: 'link'; readonly code: string }
  | { readonly kind: 'start' | 'help' | 'preferences' | 'unlink' }
  | { readonly kind: 'edit'; readonly about: Topic; readonly patch: PreferencesPatch }
  /** A known topic with wrong syntax. */
  | { readonly kind: 'malformed'; readonly about: Topic }
  | { readonly kind: 'unknown' };

/** `/name@bot rest`. Telegram adds the bot's name in chats with several bots. */
const COMMAND_PATTERN = /^\/([a-z_]{1,32})(?:@\w{1,64})?(?:\s+([^]*))?$/i;
/** Alternative command names. */
const ALIASES: Readonly<Record<string, Topic>> = { settings: 'preferences', tz: 'timezone', stop: 'unlink' };

const ADDRESSED_COMMAND_PATTERN = /^\/[a-z_]{1,32}(?:@(\w{1,64}))?(?:\s|$)/i;

/** Returns whether a group message is a command for this bot: without a bot name, or with this bot's. */
export function isAddressedToBot(text: string, botName: string): boolean {
  const [command, addressee = ''] = ADDRESSED_COMMAND_PATTERN.exec(text) ?? [];
  return command !== undefined && (addressee === '' || addressee.toLowerCase() === botName.toLowerCase());
}

/** Parses a message. Any text results in a command. */
export function parseCommand(text: string): Command {
  const [, name, rest = ''] = COMMAND_PATTERN.exec(text.trim()) ?? [];
  if (name === undefined) {
    const about = guessTopic(text.trim().split(/\s/, 1)[0] ?? '');
    return about === undefined ? { kind: 'unknown' } : { kind: 'malformed', about };
  }
  const args = rest.split(/\s+/).filter((word) => word !== '');
  const topic = findTopic(name);
  if (topic !== undefined) return parseTopicCommand(topic, args);
  const about = guessTopic(name);
  return about === undefined ? { kind: 'unknown' } : { kind: 'malformed', about };
}

function findTopic(name: string): Topic | undefined {
  const lower = name.toLowerCase();
  return TOPICS.find((topic) => topic === lower) ?? (Object.hasOwn(ALIASES, lower) ? ALIASES[lower] : undefined);
}

/** Returns the topic that a misspelt word resembles: they share a prefix of up to four characters. */
function guessTopic(word: string): Topic | undefined {
  const lower = word.toLowerCase().replace(/^\//, '');
  if (lower.length < 3) return undefined;
  return findTopic(lower) ?? TOPICS.find((topic) => topic.startsWith(lower.slice(0, 4)) || lower.startsWith(topic));
}

function parseTopicCommand(topic: Topic, args: readonly string[]): Command {
  const [first, second] = args;
  const malformed = { kind: 'malformed', about: topic } as const;
  const setting = SETTING_NAMES.find((name) => name === topic);
  if (setting !== undefined) {
    const known = settingOf(setting);
    const patch = known.kind === 'choice' ? parseChoice(known, args) : parseSwitch(known, args);
    return patch === undefined ? malformed : { kind: 'edit', about: topic, patch };
  }
  switch (topic) {
    case 'start':
      if (first === undefined) return { kind: 'start' };
      return second === undefined && isLinkCode(first) ? { kind: 'link', code: first } : malformed;
    case 'timezone': {
      const timezone = second === undefined && first !== undefined ? parseTimeZone(first) : undefined;
      return timezone === undefined ? malformed : { kind: 'edit', about: topic, patch: { timezone } };
    }
    case 'preferences':
    case 'unlink':
    case 'help':
      return { kind: topic };
    default:
      return malformed;
  }
}

/** The syntax of Telegram's `?start=` parameter: https://core.telegram.org/bots/features#deep-linking */
const isLinkCode = (word: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(word);

function parseChoice({ key, values }: ChoiceSetting, [word, extra]: readonly string[]): PreferencesPatch | undefined {
  const value = values.find((each) => each === word?.toLowerCase());
  return value === undefined || extra !== undefined ? undefined : { [key]: value };
}

function parseSwitch({ key, time }: SwitchSetting, [word, at, extra]: readonly string[]): PreferencesPatch | undefined {
  const state = word?.toLowerCase();
  if (extra !== undefined) return undefined;
  if (at === undefined) {
    if (state === 'on' || state === 'off') return { [key]: state === 'on' };
    return undefined;
  }
  const padded = at.padStart(5, '0');
  if (state !== 'on' || time === undefined || !PREFERENCE_RULES[time].pattern.test(padded)) return undefined;
  return { [key]: true, [time]: padded };
}
