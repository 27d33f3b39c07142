import type { Update } from 'grammy/types';
import { FewAtATime } from '../../lib/keyed-concurrency-limit.ts';

export interface Handling {
  /** Begins to handle updates, and resolves when there may be more. Never rejects. */
  readonly handle: (updates: readonly Update[]) => Promise<void>;
  /** Resolves when none is being handled. */
  readonly settled: () => Promise<unknown>;
}

/** At a time; so many are lost at the most when the process is killed. */
const MOST = 100;
/** Of one chat, so that who says much keeps nobody else waiting; what comes beyond is not answered. */
const MOST_OF_CHAT = 20;

/** Updates of one chat are handled one after the other, those of others beside them. */
export function createHandling(
  handleUpdate: (update: Update) => Promise<void>,
  onError: (error: unknown) => void,
): Handling {
  const chats = new FewAtATime(1);
  const counts = new Map<string, number>();
  const underWay = new Set<Promise<void>>();

  const begin = (update: Update): void => {
    const chat = chatKeyOf(update);
    const count = counts.get(chat) ?? 0;
    if (count >= MOST_OF_CHAT) return;
    counts.set(chat, count + 1);
    const handled = chats
      .run(chat, () => handleUpdate(update))
      .catch(onError)
      .finally(() => {
        const left = (counts.get(chat) ?? 1) - 1;
        if (left === 0) counts.delete(chat);
        else counts.set(chat, left);
        underWay.delete(handled);
      });
    underWay.add(handled);
  };
  return {
    handle: async (updates) => {
      updates.forEach(begin);
      while (underWay.size >= MOST) await Promise.race(underWay);
    },
    settled: () => Promise.all(underWay),
  };
}

const chatKeyOf = ({ message, channel_post: post, callback_query: press }: Update): string =>
  String(message?.chat.id ?? post?.chat.id ?? press?.from.id ?? '');
