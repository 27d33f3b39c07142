import { withDefaults } from '../../../couchdb-design/user-document/preference-rules.ts';
import type { DeviceId } from '../../../couchdb-design/user-document/edit-stamp.ts';
import type { PreferencesPatch, Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { HttpError } from '../../http/errors.ts';
import type { PreferencesService, UserPreferences } from '../../preferences/service.ts';
import { parseButtonPress } from './parse-button.ts';
import { parseCommand } from './parse-command.ts';
import type { Link } from '../links/link-documents.ts';
import type { Chat, Links } from '../links/links.ts';
import type { SettingName, Topic } from './settings.ts';
import { SETTING_NAMES } from './settings.ts';
import * as words from './replies.ts';
import type { Reply } from './replies.ts';

/** What is said in a private chat, without Telegram: each message and each press has an answer, whatever it is. */
export interface Conversation {
  onText(chat: Chat, text: string): Promise<Reply>;
  /** `reply` takes the place of the message with the button; none: nothing has happened. */
  onPress(chat: number, data: string): Promise<{ readonly notice: string; readonly reply?: Reply }>;
}

export interface ConversationOptions {
  readonly links: Links;
  readonly service: PreferencesService;
  /** Rejects with 401 when the session is over or the account suspended. */
  readonly assertActive: (caller: Caller) => Promise<void>;
  /** This process's, by the door "telegram". */
  readonly device: DeviceId;
  readonly now: () => number;
  /** Called with what nobody expected. */
  readonly onError: (error: unknown) => void;
}

/** In ms: how long a right that was just checked counts as in use. */
const ACCESS_VALIDITY_MS = 60_000;

export function createConversation(options: ConversationOptions): Conversation {
  const { links, service, device, now } = options;

  const assertUserActive = (username: Username, sessionId?: string): Promise<void> =>
    options.assertActive({ username, ownId: service.idOf(username), sessionId, expiresAt: now() + ACCESS_VALIDITY_MS });

  /** What is said of a failure; a refusal has a sentence of its own. */
  const describeError = (error: unknown): string => {
    if (error instanceof HttpError && error.status < 500) return error.message;
    // A database that is down is known, and told elsewhere.
    if (!(error instanceof HttpError)) options.onError(error);
    return words.INTERNAL_FAILURE;
  };
  const edit = (link: Link, patch: PreferencesPatch): Promise<UserPreferences> =>
    service.edit(link.username, device, () => patch);

  const preferencesOverview = ({ username, tag }: Link, { document }: UserPreferences): Reply =>
    words.preferencesReply(username, withDefaults(document.preferences), tag);

  const redeemCode = async (chat: Chat, code: string): Promise<Reply> => {
    const linkCode = await links.redeem(code);
    if (linkCode === undefined) return { text: words.INVALID_CODE };
    await assertUserActive(linkCode.username, linkCode.sessionId);
    const linked = await links.link(chat, linkCode.username);
    if (linked === undefined) return { text: words.TOO_MANY_LINKS };
    return { text: words.linkedText(linkCode.username, linked.before) };
  };

  const replyToText = async (chat: Chat, text: string): Promise<Reply> => {
    const command = parseCommand(text);
    if (command.kind === 'link') return redeemCode(chat, command.code);
    const link = await links.findByChat(chat.chat);
    switch (command.kind) {
      case 'help':
        return { text: link === undefined ? `${words.HELP}\n\n${words.HOW_TO_LINK}` : words.HELP };
      case 'unlink': {
        if (link === undefined) return { text: words.HOW_TO_LINK };
        await links.unlink(link.chat, link.username);
        return { text: words.UNLINKED };
      }
      case 'malformed':
        return { text: words.usageText(command.about) };
      case 'unknown':
        return {
          text: link === undefined ? `${words.UNKNOWN_COMMAND}\n\n${words.HOW_TO_LINK}` : words.UNKNOWN_COMMAND,
        };
      default:
    }
    if (link === undefined) return { text: words.HOW_TO_LINK };
    await assertUserActive(link.username);
    switch (command.kind) {
      case 'start':
        return { text: words.linkedText(link.username, undefined) };
      case 'preferences':
        return preferencesOverview(link, await service.read(link.username));
      case 'edit': {
        const { document } = await edit(link, command.patch);
        return { text: words.formatSetting(toSettingTopic(command.about), withDefaults(document.preferences)) };
      }
    }
  };

  return {
    onText: async (chat, text) => {
      try {
        return await replyToText(chat, text);
      } catch (error) {
        return { text: describeError(error) };
      }
    },
    onPress: async (chat, data) => {
      try {
        const press = parseButtonPress(data);
        const link = await links.findByChat(chat);
        if (link === undefined) return { notice: words.HOW_TO_LINK };
        if (press === undefined || press.tag !== link.tag) return { notice: words.STALE_BUTTON };
        await assertUserActive(link.username);
        const after = await edit(link, press.patch);
        const notice = words.formatSetting(press.setting, withDefaults(after.document.preferences));
        return { notice, reply: preferencesOverview(link, after) };
      } catch (error) {
        return { notice: describeError(error) };
      }
    },
  };
}

const toSettingTopic = (about: Topic): SettingName | 'timezone' =>
  SETTING_NAMES.find((name) => name === about) ?? 'timezone';
