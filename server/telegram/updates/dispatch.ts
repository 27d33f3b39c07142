import type { Update } from 'grammy/types';
import { KeyedConcurrencyLimit } from '../../lib/keyed-concurrency-limit.ts';

export interface UpdateDispatcher {
  /** Starts to handle updates, and resolves once there is capacity for more. Never rejects. */
  readonly handle: (updates: readonly Update[]) => Promise<void>;
  /** Resolves once the updates now in progress are handled. */
  readonly whenIdle: () => Promise<unknown>;
}

/** Also the number of claimed updates that are lost if the process is killed. */
const MAX_CONCURRENT_UPDATES = 100;
/** Per chat, so that one busy chat does not delay others. Further updates of the chat are dropped. */
const MAX_QUEUED_PER_CHAT = 20;

/** Creates a dispatcher that handles the updates of one chat in order, and those of different chats concurrently. */
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
