/** Records the states of the status pill. The recording runs in the page, so that it misses no state in between. */
import type { Page } from 'playwright-core';
import { expect } from './harness.ts';

export interface StateChange {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly state: string;
}

/** Starts a recording with the current state. Returns a function that reads it. A reload of the page ends it. */
export async function recordStates(page: Page): Promise<() => Promise<readonly StateChange[]>> {
  await page.getByTestId('status').first().waitFor();
  await page.evaluate(() => {
    const changes: { at: number; state: string }[] = [];
    new MutationObserver(() => {
      const state = document.querySelector('[data-testid="status"]')?.getAttribute('data-state') ?? 'none';
      if (changes.at(-1)?.state !== state) changes.push({ at: Date.now(), state });
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
    Reflect.set(globalThis, 'shownStates', changes);
    // A first mutation, which records the current state.
    document.body.dataset['recorded'] = 'yes';
  });
  return () => page.evaluate(() => Reflect.get(globalThis, 'shownStates') as StateChange[]);
}

/** Returns the states, in order and joined by spaces. Throws if they do not match `expected`. */
export function expectStates(changes: readonly StateChange[], expected: RegExp): string {
  const sequence = changes.map(({ state }) => state).join(' ');
  expect(expected.test(sequence), `the states shown were: ${sequence}`);
  return sequence;
}
