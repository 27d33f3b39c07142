import { setTimeout as delay } from 'node:timers/promises';
import type { Bot } from 'grammy';
import type { Update } from 'grammy/types';
import { LONGPOLL_SECONDS } from '../bot/api-client.ts';
import { ALLOWED_UPDATES } from '../bot/bot.ts';
import type { HeldLease } from './lease.ts';
import { retryUntilAborted, type RetryOptions } from './retry.ts';

export interface PollOptions extends RetryOptions {
  readonly bot: Bot;
  readonly lease: Pick<HeldLease, 'offset' | 'claim'>;
  /** Resolves once there is capacity for more updates. Never rejects. */
  readonly handle: (updates: readonly Update[]) => Promise<void>;
}

const MAX_UPDATES = 30;

/**
 * Polls Telegram for updates until the signal is aborted or the lease is lost. Updates are claimed in the lease's document
 * before they are handled, so a failure in between does not cause a second handling.
 */
export async function pollUpdates(options: PollOptions): Promise<void> {
  const { bot, lease, handle, signal } = options;
  // Telegram rejects polling while a webhook is set. Pending updates are kept.
  await retryUntilAborted(
    () => bot.api.deleteWebhook({ drop_pending_updates: false }, toGrammySignal(signal)),
    options,
  );
  while (!signal.aborted) {
    const batch = await retryUntilAborted(async () => {
      const startedAt = performance.now();
      const updates = await fetchUpdates(bot, lease.offset(), signal);
      const last = updates.at(-1);
      // Prevents a busy loop if the server does not hold the request.
      if (last === undefined && performance.now() - startedAt < options.backoff.initialMs) {
        await delay(options.backoff.initialMs, undefined, { signal }).catch(() => undefined);
      }
      return last === undefined || (await lease.claim(last.update_id + 1)) ? updates : 'lost';
    }, options);
    if (batch === 'lost') return;
    if (batch !== undefined) await handle(batch);
  }
}

async function fetchUpdates(bot: Bot, offset: number | undefined, signal: AbortSignal): Promise<readonly Update[]> {
  const parameters = {
    ...(offset === undefined ? {} : { offset }),
    limit: MAX_UPDATES,
    timeout: LONGPOLL_SECONDS,
    allowed_updates: ALLOWED_UPDATES,
  };
  const updates = await bot.api.getUpdates(parameters, toGrammySignal(signal));
  return updates.filter(({ update_id: id }) => offset === undefined || id >= offset);
}

type GrammySignal = Parameters<Bot['api']['getMe']>[0];

/** grammy's types require the signal of a polyfill, which lacks members of Node's. */
export const toGrammySignal = (signal: AbortSignal): GrammySignal => signal as unknown as GrammySignal;
