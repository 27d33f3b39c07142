import type { Update } from 'grammy/types';
import { KeyedConcurrencyLimit } from '../../lib/keyed-concurrency-limit.ts';

export interface UpdateDispatcher {
  /** Begins to handle updates, and resolves when there may be more. Never rejects. */
  readonly handle: (updates: readonly Update[]) => Promise<void>;
  /** Resolves when none is being handled. */
  readonly whenIdle: () => Promise<unknown>;
}

/** At a time; so many are lost at the most when the process is killed. */
const MAX_CONCURRENT_UPDATES = 100;
/** Of one chat, so that who says much keeps nobody else waiting; what comes beyond is not answered. */
const MAX_QUEUED_PER_CHAT = 20;

/** Updates of one chat are handled one after the other, those of others beside them. */
export function createUpdateDispatcher(
  handleUpdate: (update: Update) => Promise<void>,
  onError: (error: unknown) => void,
): UpdateDispatcher {
  const chats = new KeyedConcurrencyLimit(1);
  const counts = new Map<string, number>();
  const inProgress = new Set<Promise<void>>();

  const start = (update: Update): void => {
    const chat = chatKey(update);
    const count = counts.get(chat) ?? 0;
    if (count >= MAX_QUEUED_PER_CHAT) return;
    counts.set(chat, count + 1);
    const task = chats
      .run(chat, () => handleUpdate(update))
      .catch(onError)
      .finally(() => {
        const remaining = (counts.get(chat) ?? 1) - 1;
        if (remaining === 0) counts.delete(chat);
        else counts.set(chat, remaining);
        inProgress.delete(task);
      });
    inProgress.add(task);
  };
  return {
    handle: async (updates) => {
      updates.forEach(start);
      while (inProgress.size >= MAX_CONCURRENT_UPDATES) await Promise.race(inProgress);
    },
    whenIdle: () => Promise.all(inProgress),
  };
}

const chatKey = ({ message, channel_post: post, callback_query: press }: Update): string =>
  String(message?.chat.id ?? post?.chat.id ?? press?.from.id ?? '');
