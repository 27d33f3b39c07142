import { setTimeout as delay } from 'node:timers/promises';
import { Bot, type Context } from 'grammy';
import type { InlineKeyboardMarkup } from 'grammy/types';
import type { Logger } from 'pino';
import { clientOptions } from './api-client.ts';
import { isAddressedToBot } from './parse-command.ts';
import type { Conversation } from './conversation.ts';
import { classifyTelegramError, computeBackoffMs, type BackoffOptions } from './classify-error.ts';
import type { Chat } from '../links/links.ts';
import { PRIVATE_CHATS_ONLY, type Reply } from './replies.ts';

export interface BotOptions {
  readonly token: string;
  readonly apiRoot: string;
  readonly conversation: Conversation;
  readonly backoff: BackoffOptions;
  readonly log: Pick<Logger, 'debug' | 'warn' | 'error'>;
}

/** What is asked of Telegram: all else would come for nothing. */
export const ALLOWED_UPDATES = ['message', 'channel_post', 'callback_query'] as const;

/** So often an answer is sent, and not later than this in ms: whoever waits longer has gone. */
const MAX_ATTEMPTS = 3;
const MAX_WAIT_MS = 30_000;
/** https://core.telegram.org/bots/api#answercallbackquery */
const MAX_NOTICE_LENGTH = 200;

/** The bot as grammy has it: what a private chat says goes to the conversation, and what that answers comes back. */
export function createBot({ token, apiRoot, conversation, backoff, log }: BotOptions): Bot {
  const bot = new Bot(token, { client: clientOptions(apiRoot) });

  /** Never rejects: an answer that cannot be given is noted, and that is all. */
  const sendWithRetry = async (call: () => Promise<unknown>): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await call();
        return;
      } catch (error) {
        const failure = classifyTelegramError(error);
        // A button that was pressed twice: all is as it is to be.
        if (failure.reason.includes('message is not modified')) return;
        const delayMs = computeBackoffMs(failure, attempt, backoff, Math.random);
        const isRetryable = failure.kind === 'too many' || failure.kind === 'unreached';
        if (!isRetryable || attempt === MAX_ATTEMPTS || delayMs > MAX_WAIT_MS) {
          const level = failure.kind === 'gone' ? 'debug' : 'warn';
          log[level](
            { reason: failure.reason.replaceAll(token, '[token]') },
            'An answer could not be sent to Telegram.',
          );
          return;
        }
        await delay(delayMs);
      }
    }
  };
  const sendReply = (ctx: Context, chat: number, { text, buttons }: Reply): Promise<void> =>
    sendWithRetry(() => ctx.api.sendMessage(chat, text, { ...PLAIN_TEXT, ...toReplyMarkup(buttons) }));

  bot.on('callback_query', async (ctx) => {
    const { id, from, message, data = '' } = ctx.callbackQuery;
    const isOwn = message?.chat.type === 'private' && message.chat.id === from.id;
    const { notice, reply } = isOwn ? await conversation.onPress(from.id, data) : { notice: PRIVATE_CHATS_ONLY };
    if (reply !== undefined && message !== undefined) {
      const more = { ...PLAIN_TEXT, ...toReplyMarkup(reply.buttons) };
      await sendWithRetry(() => ctx.api.editMessageText(from.id, message.message_id, reply.text, more));
    }
    await sendWithRetry(() => ctx.api.answerCallbackQuery(id, { text: notice.slice(0, MAX_NOTICE_LENGTH) }));
  });
  bot.on(['message', 'channel_post'], async (ctx) => {
    const { chat, msg } = ctx;
    const text = msg.text ?? msg.caption ?? '';
    if (chat.type === 'private') {
      await sendReply(ctx, chat.id, await conversation.onText(toChat(chat), text));
    } else if (isAddressedToBot(text, ctx.me.username)) {
      await sendReply(ctx, chat.id, { text: PRIVATE_CHATS_ONLY });
    }
  });
  return bot;
}

/** Names are shown again in the app, and bounded here. */
const toChat = ({ id, first_name, username }: { id: number; first_name: string; username?: string }): Chat => ({
  chat: id,
  firstName: first_name.slice(0, 64),
  telegramName: username?.slice(0, 64),
});

/** No parse mode, so that nothing in a text is markup; and no page is fetched for a preview of a link in it. */
const PLAIN_TEXT = { link_preview_options: { is_disabled: true } } as const;

const toReplyMarkup = (buttons: Reply['buttons']): { reply_markup?: InlineKeyboardMarkup } =>
  buttons === undefined
    ? {}
    : {
        reply_markup: {
          inline_keyboard: buttons.map((row) => row.map(({ text, data }) => ({ text, callback_data: data }))),
        },
      };
