/** Measures the time from a click in one page until another page of the user shows the change. */
import type { Page } from 'playwright-core';
import { waitForState } from './harness.ts';

/**
 * Chooses another view in `from`, and resolves with the time in ms until the DOM of `to` has it. Both pages read the same clock, the
 * machine's, and each records its own event.
 */
export async function measureClick(from: Page, to: Page, view: 'table' | 'graph'): Promise<number> {
  // Resolves once the observer is in place.
  await to.evaluate((expected) => {
    const changed = new Promise<number>((resolve) => {
      const row = document.querySelector('[data-testid="pref-viewMode"]');
      if (row === null) return;
      new MutationObserver(() => {
        if (row.getAttribute('data-value') === JSON.stringify(expected)) resolve(Date.now());
      }).observe(row, { attributes: true });
    });
    Reflect.set(globalThis, 'changed', changed);
  }, view);
  const clickedAt = await from.getByTestId(`choice-viewMode-${view}`).evaluate((input) => {
    const now = Date.now();
    (input as HTMLInputElement).click();
    return now;
  });
  const changedAt = await to.evaluate(() => Reflect.get(globalThis, 'changed') as Promise<number>);
  await waitForState(from, 'live', 0);
  return changedAt - clickedAt;
}
