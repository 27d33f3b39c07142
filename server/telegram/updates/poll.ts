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
  /** Resolves when there may be more; never rejects. */
  readonly handle: (updates: readonly Update[]) => Promise<void>;
}

const MAX_UPDATES = 30;

/**
 * Asks Telegram for updates until the signal is aborted or the lease is lost. Updates are first taken in the lease's
 * document and then handled: whatever happens in between, none is handled twice.
 */
export async function pollUpdates(options: PollOptions): Promise<void> {
  const { bot, lease, handle, signal } = options;
  // Since while there is a webhook there are no updates to ask for. What waits stays.
  await retryUntilAborted(
    () => bot.api.deleteWebhook({ drop_pending_updates: false }, toGrammySignal(signal)),
    options,
  );
  while (!signal.aborted) {
    const batch = await retryUntilAborted(async () => {
      const startedAt = performance.now();
      const updates = await fetchUpdates(bot, lease.offset(), signal);
      const last = updates.at(-1);
      // A server that does not wait must not be asked in circles.
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

/** grammy asks for the signal of a package, whose type lacks what Node's has. */
export const toGrammySignal = (signal: AbortSignal): GrammySignal => signal as unknown as GrammySignal;
