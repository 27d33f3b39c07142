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
  /** The bot's token, which is removed from log lines. */
  readonly token: string;
  readonly backoff: BackoffOptions;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Handles updates that this process has claimed. Resolves once there is capacity for more. Never rejects. */
  readonly handle: (updates: readonly Update[]) => Promise<void>;
  /** Resolves once no update is in progress. */
  readonly whenIdle: () => Promise<unknown>;
  /** Where Telegram sends updates. If `undefined`, the process that holds the lease polls for them. */
  readonly webhook: { readonly url: string; readonly secret: string } | undefined;
  readonly lease: LeaseOptions;
}

/** Receives updates, by webhook or by polling, until it is closed. */
export function runBot(options: RunOptions): { close(): Promise<void> } {
  const { bot, token, backoff, log, handle, webhook } = options;
  const closing = new AbortController();
  const onRetry: RetryOptions['onRetry'] = ({ kind, reason }, delayMs) => {
    const details = { reason: reason.replaceAll(token, '[token]'), againInMs: Math.round(delayMs) };
    if (kind === 'token') log.error(details, 'Telegram rejects TELEGRAM_BOT_TOKEN.');
    else log.warn(details, 'A request to Telegram failed.');
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
      if (isSet !== undefined) log.info('Telegram sends updates to the webhook.');
      return;
    }
    while (!closing.signal.aborted) {
      const lease = await acquireLease(options.lease, closing.signal);
      if (lease === undefined) return;
      log.info('This process polls Telegram for updates.');
      const rejected = new AbortController();
      await pollUpdates({
        ...retryOptions,
        onRetry: (failure, delayMs) => {
          onRetry(failure, delayMs);
          if (failure.kind === 'token') rejected.abort();
        },
        bot,
        lease,
        handle,
        signal: AbortSignal.any([closing.signal, lease.signal, rejected.signal]),
      });
      // Before the lease is released, so that the messages of a chat stay in order.
      await options.whenIdle();
      await lease.release();
      log.info('This process has stopped polling Telegram for updates.');
      // While a token is replaced, a process with the old one must not hold the lease that one with the new one needs.
      if (rejected.signal.aborted) await retryUntilAborted(() => bot.api.getMe(signal), retryOptions);
    }
  };
  const finished = run().catch((error: unknown) => log.error({ err: error }, 'The bot has stopped unexpectedly.'));
  return {
    close: () => {
      closing.abort();
      return finished;
    },
  };
}
