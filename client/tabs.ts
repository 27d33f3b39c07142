/**
 * Which tab syncs. The one that holds the lock does; it lets go when its page is frozen, since a frozen page can do
 * nothing and yet keeps what it holds. A page that hangs, or is frozen without a word, is found out by another one that
 * a person looks at: it asks again and again whether there is a leader, and when nobody answers takes the lock.
 */
import type { Environment } from './platform/environment.ts';

export interface TabsOptions {
  readonly name: string;
  readonly environment: Pick<Environment, 'locks' | 'onFreeze' | 'isVisible'>;
  /** Milliseconds between two questions whether there is a leader. It may stay silent for two of them. */
  readonly period: number;
  /** Asks the leader to say something. */
  readonly ask: () => void;
  /** Runs while this tab leads: until the signal. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
}

export interface Tabs {
  /** The leader has said something. */
  readonly heard: () => void;
  /** Resolved when this tab has nothing more to do with it. */
  readonly ended: Promise<void>;
}

export function joinTabs({ name, environment, period, ask, lead }: TabsOptions, stopping: AbortSignal): Tabs {
  let silent = 0;
  let leading = false;
  let steal = false;
  let turn = new AbortController();
  let thaw: () => void = () => undefined;
  let thawed = Promise.resolve();

  const endFreeze = environment.onFreeze((isFrozen) => {
    thaw();
    if (!isFrozen) return;
    thawed = new Promise((resolve) => {
      thaw = resolve;
    });
    turn.abort();
  });
  const timer = setInterval(() => {
    if (leading || !environment.isVisible()) {
      silent = 0;
      return;
    }
    silent += 1;
    if (silent > 2) {
      steal = true;
      turn.abort();
    } else ask();
  }, period);

  stopping.addEventListener('abort', () => thaw());

  const run = async (): Promise<void> => {
    while (!stopping.aborted) {
      await thawed;
      turn = new AbortController();
      const stealing = steal;
      steal = false;
      silent = 0;
      await environment.locks.lead(
        `${name}:leader`,
        AbortSignal.any([stopping, turn.signal]),
        async (signal) => {
          leading = true;
          await lead(signal);
          leading = false;
        },
        stealing,
      );
    }
    clearInterval(timer);
    endFreeze();
  };
  return {
    heard: () => {
      silent = 0;
    },
    ended: run(),
  };
}
