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

/** What a person wants by a message. */
export type Command =
  | { readonly kind: 'link'; readonly code: string }
  | { readonly kind: 'start' | 'help' | 'preferences' | 'unlink' }
  | { readonly kind: 'edit'; readonly about: Topic; readonly patch: PreferencesPatch }
  /** Meant for something that there is, and not said as it has to be. */
  | { readonly kind: 'malformed'; readonly about: Topic }
  | { readonly kind: 'unknown' };

/** `/name@bot rest`; Telegram adds the bot's name where there are several. */
const COMMAND_PATTERN = /^\/([a-z_]{1,32})(?:@\w{1,64})?(?:\s+([^]*))?$/i;
/** Other names that people try. */
const ALIASES: Readonly<Record<string, Topic>> = { settings: 'preferences', tz: 'timezone', stop: 'unlink' };

const ADDRESSED_COMMAND_PATTERN = /^\/[a-z_]{1,32}(?:@(\w{1,64}))?(?:\s|$)/i;

/** Whether a message in a group is for this bot: a command with no bot's name, or with this one's. */
export function isAddressedToBot(text: string, botName: string): boolean {
  const [command, addressee = ''] = ADDRESSED_COMMAND_PATTERN.exec(text) ?? [];
  return command !== undefined && (addressee === '' || addressee.toLowerCase() === botName.toLowerCase());
}

/** Reads a message; whatever it is, there is something to say to it. */
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

/** The topic that a word begins as, or is a beginning of. */
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

/** What Telegram lets stand behind `?start=`: https://core.telegram.org/bots/features#deep-linking */
const isLinkCode = (word: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(word);

function parseChoice({ key, values }: ChoiceSetting, [word, more]: readonly string[]): PreferencesPatch | undefined {
  const value = values.find((each) => each === word?.toLowerCase());
  return value === undefined || more !== undefined ? undefined : { [key]: value };
}

function parseSwitch({ key, time }: SwitchSetting, [word, at, more]: readonly string[]): PreferencesPatch | undefined {
  const state = word?.toLowerCase();
  if (more !== undefined) return undefined;
  if (at === undefined) {
    if (state === 'on' || state === 'off') return { [key]: state === 'on' };
    return undefined;
  }
  const padded = at.padStart(5, '0');
  if (state !== 'on' || time === undefined || !PREFERENCE_RULES[time].pattern.test(padded)) return undefined;
  return { [key]: true, [time]: padded };
}
