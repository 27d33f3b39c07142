/**
 * Which tab syncs. The one that holds the lock does; it lets go when its page is frozen, since a frozen page can do
 * nothing and yet keeps what it holds. A page that hangs, or is frozen without a word, is found out by another one that
 * a person looks at: it asks again and again whether there is a leader, and when nobody answers takes the lock.
 */
import type { Environment } from '../platform/environment.ts';

export interface TabsOptions {
  readonly name: string;
  readonly environment: Pick<Environment, 'locks' | 'listen' | 'isVisible'>;
  /** Milliseconds between two questions whether there is a leader. It may stay silent for two of them. */
  readonly period: number;
  /** Asks the leader, which may be this tab, to say something. */
  readonly ask: () => void;
  /** Runs while this tab leads: until the signal. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
}

export interface Tabs {
  /** The leader has said something. */
  readonly heard: () => void;
  /** Resolved when this tab has nothing more to do with it. */
  readonly ended: () => Promise<void>;
}

export function joinTabs({ name, environment, period, ask, lead }: TabsOptions, stopping: AbortSignal): Tabs {
  let silent = 0;
  let isFrozen = false;
  let turn = new AbortController();

  const stand = async (): Promise<void> => {
    while (!stopping.aborted && !isFrozen) {
      turn = new AbortController();
      const signal = AbortSignal.any([stopping, turn.signal]);
      const steal = silent > 2;
      silent = 0;
      // Stolen, or given up while waiting for it: whoever leads is told, and nobody has to catch it.
      await environment.locks
        .request(`${name}:leader`, steal ? { steal } : { signal }, () => lead(signal))
        .catch(() => turn.abort());
    }
  };
  let standing = stand();

  const endFreeze = environment.listen('freeze resume', ({ type }) => {
    isFrozen = type === 'freeze';
    if (isFrozen) turn.abort();
    else standing = standing.then(stand);
  });
  const timer = setInterval(() => {
    silent = environment.isVisible() ? silent + 1 : 0;
    if (silent > 2) turn.abort();
    else if (silent > 0) ask();
  }, period);
  stopping.addEventListener('abort', () => {
    clearInterval(timer);
    endFreeze();
  });

  return {
    heard: () => {
      silent = 0;
    },
    ended: () => standing,
  };
}
