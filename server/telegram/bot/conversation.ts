import { withDefaults } from '../../../couchdb-design/user-document/default-preferences.ts';
import type { DeviceId } from '../../../couchdb-design/user-document/edit-stamp.ts';
import {
  decodeSubject,
  type PreferencesPatch,
  type Username,
} from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { HttpError } from '../../http/errors.ts';
import type { PreferencesService, UserPreferences } from '../../preferences/service.ts';
import type { Link } from '../links/link-documents.ts';
import type { Chat, Links } from '../links/links.ts';
import { parseButtonPress } from './parse-button.ts';
import { parseCommand } from './parse-command.ts';
import * as replies from './replies.ts';
import type { Reply } from './replies.ts';
import { SETTING_NAMES, type SettingName, type Topic } from './settings.ts';

export interface ConversationOptions {
  readonly links: Links;
  readonly service: PreferencesService;
  /** Rejects with 401 if the session has ended or the account is suspended. */
  readonly assertActive: (caller: Caller) => Promise<void>;
  /** The device id of this process's edits, with the edit source `telegram`. */
  readonly device: DeviceId;
  readonly now: () => number;
  /** Called with unexpected errors. */
  readonly onError: (error: unknown) => void;
}

/** How long, in ms, access that was just checked is recorded as in use. */
const ACCESS_VALIDITY_MS = 60_000;

/** The bot's behaviour in private chats, independent of Telegram. Every message and every button press has a reply. */
export class Conversation {
  readonly #options: ConversationOptions;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** Resolves with the reply to a message. Never rejects. */
  async onText(chat: Chat, text: string): Promise<Reply> {
    try {
      return await this.#replyToText(chat, text);
    } catch (error) {
      return { text: this.#describeError(error) };
    }
  }

  /** Resolves with the notice of a button press, and with the reply that replaces the button's message if it had an effect. */
  async onPress(chat: number, data: string): Promise<{ readonly notice: string; readonly reply?: Reply }> {
    try {
      const press = parseButtonPress(data);
      const link = await this.#options.links.findByChat(chat);
      if (link === undefined) return { notice: replies.HOW_TO_LINK };
      if (press === undefined || press.tag !== link.tag) return { notice: replies.STALE_BUTTON };
      await this.#assertUserActive(link.username);
      const edited = await this.#edit(link, press.patch);
      const notice = replies.formatSetting(press.setting, withDefaults(edited.document.preferences));
      return { notice, reply: preferencesOverview(link, edited) };
    } catch (error) {
      return { notice: this.#describeError(error) };
    }
  }

  async #replyToText(chat: Chat, text: string): Promise<Reply> {
    const { links, service } = this.#options;
    const command = parseCommand(text);
    if (command.kind === 'link') return this.#redeemCode(chat, command.code);
    const link = await links.findByChat(chat.chat);
    switch (command.kind) {
      case 'help':
        return { text: withLinkHint(replies.HELP, link) };
      case 'unlink': {
        if (link === undefined) return { text: replies.HOW_TO_LINK };
        await links.unlink(link.chat, link.username);
        return { text: replies.UNLINKED };
      }
      case 'malformed':
        return { text: replies.usageText(command.about) };
      case 'unknown':
        return { text: withLinkHint(replies.UNKNOWN_COMMAND, link) };
      default:
    }
    if (link === undefined) return { text: replies.HOW_TO_LINK };
    await this.#assertUserActive(link.username);
    switch (command.kind) {
      case 'start':
        return { text: replies.linkedText(decodeSubject(link.username), undefined) };
      case 'preferences':
        return preferencesOverview(link, await service.read(link.username));
      case 'edit': {
        const { document } = await this.#edit(link, command.patch);
        return { text: replies.formatSetting(toSettingTopic(command.about), withDefaults(document.preferences)) };
      }
    }
  }

  async #redeemCode(chat: Chat, code: string): Promise<Reply> {
    const { links } = this.#options;
    const linkCode = await links.redeem(code);
    if (linkCode === undefined) return { text: replies.INVALID_CODE };
    await this.#assertUserActive(linkCode.username, linkCode.sessionId);
    const linked = await links.link(chat, linkCode.username);
    if (linked === undefined) return { text: replies.TOO_MANY_LINKS };
    const before = linked.before === undefined ? undefined : decodeSubject(linked.before);
    return { text: replies.linkedText(decodeSubject(linkCode.username), before) };
  }

  #edit(link: Link, patch: PreferencesPatch): Promise<UserPreferences> {
    const { service, device } = this.#options;
    return service.edit(link.username, device, () => patch);
  }

  #assertUserActive(username: Username, sessionId?: string): Promise<void> {
    const { service, assertActive, now } = this.#options;
    return assertActive({ username, ownId: service.idOf(username), sessionId, expiresAt: now() + ACCESS_VALIDITY_MS });
  }

  /** Returns the reply to a failed command: the message of a rejection, or a general one. */
  #describeError(error: unknown): string {
    if (error instanceof HttpError && error.status < 500) return error.message;
    // An HttpError from 500 on is a database failure, which is logged elsewhere.
    if (!(error instanceof HttpError)) this.#options.onError(error);
    return replies.INTERNAL_FAILURE;
  }
}

const preferencesOverview = ({ username, tag }: Link, { document }: UserPreferences): Reply =>
  replies.preferencesReply(decodeSubject(username), withDefaults(document.preferences), tag);

const withLinkHint = (text: string, link: Link | undefined): string =>
  link === undefined ? `${text}\n\n${replies.HOW_TO_LINK}` : text;

const toSettingTopic = (about: Topic): SettingName | 'timezone' =>
  SETTING_NAMES.find((name) => name === about) ?? 'timezone';
