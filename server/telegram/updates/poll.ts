import { setTimeout as delay } from 'node:timers/promises';
import type { Bot } from 'grammy';
import type { Update } from 'grammy/types';
import { LONGPOLL_SECONDS } from '../bot/api-client.ts';
import { ALLOWED_UPDATES } from '../bot/bot.ts';
import type { Held } from './lease.ts';
import { persist, type PersistOptions } from './retry.ts';

export interface PollOptions extends PersistOptions {
  readonly bot: Bot;
  readonly held: Pick<Held, 'offset' | 'claim'>;
  /** Resolves when there may be more; never rejects. */
  readonly handle: (updates: readonly Update[]) => Promise<void>;
}

const MOST_UPDATES = 30;

/**
 * Asks Telegram for updates until the signal is aborted or the lease is lost. Updates are first taken in the lease's
 * document and then handled: whatever happens in between, none is handled twice.
 */
export async function pollUpdates(options: PollOptions): Promise<void> {
  const { bot, held, handle, signal } = options;
  // Since while there is a webhook there are no updates to ask for. What waits stays.
  await persist(() => bot.api.deleteWebhook({ drop_pending_updates: false }, signalOf(signal)), options);
  while (!signal.aborted) {
    const taken = await persist(async () => {
      const begun = performance.now();
      const updates = await ask(bot, held.offset(), signal);
      const last = updates.at(-1);
      // A server that does not wait must not be asked in circles.
      if (last === undefined && performance.now() - begun < options.waits.first) {
        await delay(options.waits.first, undefined, { signal }).catch(() => undefined);
      }
      return last === undefined || (await held.claim(last.update_id + 1)) ? updates : 'lost';
    }, options);
    if (taken === 'lost') return;
    if (taken !== undefined) await handle(taken);
  }
}

async function ask(bot: Bot, offset: number | undefined, signal: AbortSignal): Promise<readonly Update[]> {
  const question = {
    ...(offset === undefined ? {} : { offset }),
    limit: MOST_UPDATES,
    timeout: LONGPOLL_SECONDS,
    allowed_updates: ALLOWED_UPDATES,
  };
  const updates = await bot.api.getUpdates(question, signalOf(signal));
  return updates.filter(({ update_id: id }) => offset === undefined || id >= offset);
}

type GrammySignal = Parameters<Bot['api']['getMe']>[0];

/** grammy asks for the signal of a package, whose type lacks what Node's has. */
export const signalOf = (signal: AbortSignal): GrammySignal => signal as unknown as GrammySignal;
