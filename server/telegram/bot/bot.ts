import { Bot, type Context } from 'grammy';
import type { InlineKeyboardMarkup } from 'grammy/types';
import type { Logger } from 'pino';
import type { Chat } from '../links/links.ts';
import { clientOptions } from './api-client.ts';
import type { BackoffOptions } from './classify-error.ts';
import type { Conversation } from './conversation.ts';
import { isAddressedToBot } from './parse-command.ts';
import { PRIVATE_CHATS_ONLY, type Reply } from './replies.ts';
import { createSender } from './send-with-retry.ts';

export interface BotOptions {
  readonly token: string;
  readonly apiRoot: string;
  readonly conversation: Pick<Conversation, 'onText' | 'onPress'>;
  readonly backoff: BackoffOptions;
  readonly log: Pick<Logger, 'debug' | 'warn' | 'error'>;
}

/** The kinds of updates that the bot requests from Telegram. */
export const ALLOWED_UPDATES = ['message', 'channel_post', 'callback_query'] as const;

/** https://core.telegram.org/bots/api#answercallbackquery */
const MAX_NOTICE_LENGTH = 200;

/** Creates the grammy bot: it passes private messages and button presses to the conversation, and sends the replies. */
export function createBot({ token, apiRoot, conversation, backoff, log }: BotOptions): Bot {
  const bot = new Bot(token, { client: clientOptions(apiRoot) });
  const sendWithRetry = createSender({ token, backoff, log });
  const sendReply = (ctx: Context, chat: number, { text, buttons }: Reply): Promise<void> =>
    sendWithRetry(() => ctx.api.sendMessage(chat, text, { ...PLAIN_TEXT, ...toReplyMarkup(buttons) }));

  bot.on('callback_query', async (ctx) => {
    const { id, from, message, data = '' } = ctx.callbackQuery;
    const isOwn = message?.chat.type === 'private' && message.chat.id === from.id;
    const { notice, reply } = isOwn ? await conversation.onPress(from.id, data) : { notice: PRIVATE_CHATS_ONLY };
    if (reply !== undefined && message !== undefined) {
      const options = { ...PLAIN_TEXT, ...toReplyMarkup(reply.buttons) };
      await sendWithRetry(() => ctx.api.editMessageText(from.id, message.message_id, reply.text, options));
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

/** The app displays the names, so their length is limited. */
const toChat = ({ id, first_name, username }: { id: number; first_name: string; username?: string }): Chat => ({
  chat: id,
  firstName: first_name.slice(0, 64),
  telegramName: username?.slice(0, 64),
});

/** There is no parse mode, so nothing in a text is markup. Telegram fetches no page for a link preview. */
const PLAIN_TEXT = { link_preview_options: { is_disabled: true } } as const;

const toReplyMarkup = (buttons: Reply['buttons']): { reply_markup?: InlineKeyboardMarkup } =>
  buttons === undefined
    ? {}
    : {
        reply_markup: {
          inline_keyboard: buttons.map((row) => row.map(({ text, data }) => ({ text, callback_data: data }))),
        },
      };
