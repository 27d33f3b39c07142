import type { Bot } from 'grammy';
import type { Update } from 'grammy/types';
import type { Logger } from 'pino';
import { ALLOWED_UPDATES } from '../bot/bot.ts';
import type { BackoffOptions } from '../bot/classify-error.ts';
import { acquireLease, type LeaseOptions } from './lease.ts';
import { retryUntilAborted, type RetryOptions } from './retry.ts';
import { pollUpdates, toGrammySignal } from './poll.ts';
import { COMMANDS } from '../bot/replies.ts';

export interface RunOptions {
  readonly bot: Bot;
  /** To be kept out of the log. */
  readonly token: string;
  readonly backoff: BackoffOptions;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Handles updates that this process has taken, and resolves when there may be more; never rejects. */
  readonly handle: (updates: readonly Update[]) => Promise<void>;
  /** Resolves when none is being handled. */
  readonly whenIdle: () => Promise<unknown>;
  /** Where Telegram is to bring updates; undefined: it is asked for them, by the one process that has the lease. */
  readonly webhook: { readonly url: string; readonly secret: string } | undefined;
  readonly lease: LeaseOptions;
}

/** Has the updates come, until it is closed. */
export function runBot(options: RunOptions): { close(): Promise<void> } {
  const { bot, token, backoff, log, handle, webhook } = options;
  const closing = new AbortController();
  const onRetry: RetryOptions['onRetry'] = ({ kind, reason }, wait) => {
    const details = { reason: reason.replaceAll(token, '[token]'), againInMs: Math.round(wait) };
    if (kind === 'token') log.error(details, 'Telegram does not take TELEGRAM_BOT_TOKEN.');
    else log.warn(details, 'Telegram cannot be asked.');
  };
  const retryOptions = { signal: closing.signal, backoff, onRetry };
  const signal = toGrammySignal(closing.signal);

  const run = async (): Promise<void> => {
    const me = await retryUntilAborted(() => bot.api.getMe(signal), retryOptions);
    if (me === undefined) return;
    bot.botInfo = me;
    await retryUntilAborted(() => bot.api.setMyCommands(COMMANDS, {}, signal), retryOptions);
    if (webhook !== undefined) {
      const { url, secret } = webhook;
      const settings = { secret_token: secret, allowed_updates: ALLOWED_UPDATES };
      const isSet = await retryUntilAborted(() => bot.api.setWebhook(url, settings, signal), retryOptions);
      if (isSet !== undefined) log.info('Telegram brings updates.');
      return;
    }
    while (!closing.signal.aborted) {
      const lease = await acquireLease(options.lease, closing.signal);
      if (lease === undefined) return;
      log.info('This process asks Telegram for updates.');
      await pollUpdates({
        ...retryOptions,
        bot,
        lease,
        handle,
        signal: AbortSignal.any([closing.signal, lease.signal]),
      });
      // Before another one goes on, so that what one chat says stays in order.
      await options.whenIdle();
      await lease.release();
      log.info('This process asks Telegram for updates no more.');
    }
  };
  const finished = run().catch((error: unknown) => log.error({ err: error }, 'The bot has ended unexpectedly.'));
  return {
    close: () => {
      closing.abort();
      return finished;
    },
  };
}
