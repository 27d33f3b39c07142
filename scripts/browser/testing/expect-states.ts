/** What the status pill says over time, written down in the page itself so that nothing in between is missed. */
import type { Page } from 'playwright-core';
import { expect } from './harness.ts';

export interface StateChange {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly state: string;
}

/** Begins with what the pill says now. Returns what reads all that it has said since; a reload ends it. */
export async function recordStates(page: Page): Promise<() => Promise<readonly StateChange[]>> {
  await page.getByTestId('status').first().waitFor();
  await page.evaluate(() => {
    const changes: { at: number; state: string }[] = [];
    new MutationObserver(() => {
      const state = document.querySelector('[data-testid="status"]')?.getAttribute('data-state') ?? 'none';
      if (changes.at(-1)?.state !== state) changes.push({ at: Date.now(), state });
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
    Reflect.set(globalThis, 'shownStates', changes);
    // A first change, to have the state of now written down.
    document.body.dataset['watched'] = 'yes';
  });
  return () => page.evaluate(() => Reflect.get(globalThis, 'shownStates') as StateChange[]);
}

/** Throws when the states, in their order and with a space between them, do not match. */
export function expectStates(changes: readonly StateChange[], expected: RegExp): string {
  const sequence = changes.map(({ state }) => state).join(' ');
  expect(expected.test(sequence), `the states shown were: ${sequence}`);
  return sequence;
}
