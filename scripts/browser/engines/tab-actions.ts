/** The actions and observations of a user on the page, for any browser. */
import { eventually } from '../testing/harness.ts';
import type { Tab } from './engine.ts';

export const byTestId = (id: string): string => `[data-testid="${id}"]`;

/** The status pill in this state and, if given, with this number of unsent edits. */
export const status = (state: string, unsent?: number): string =>
  `${byTestId('status')}[data-state="${state}"]${unsent === undefined ? '' : `[data-unsent="${unsent}"]`}`;

/** A preference that has this value. */
export const preference = (name: string, value: unknown): string =>
  `${byTestId(`pref-${name}`)}[data-value=${JSON.stringify(JSON.stringify(value))}]`;

/** Calls a function in the page. It must not refer to anything outside of its body. */
export const callInPage = async <A extends readonly unknown[], R>(
  tab: Tab,
  pageFunction: (...args: A) => R,
  ...args: A
): Promise<Awaited<R>> => (await tab.evaluate(`(${String(pageFunction)})(...${JSON.stringify(args)})`)) as Awaited<R>;

/** Waits until the page has an element that matches the selector. */
export async function waitFor(tab: Tab, selector: string): Promise<void> {
  let found: unknown = 'nothing';
  await eventually(
    async () => {
      try {
        found = await callInPage(tab, findElement, selector);
      } catch (error) {
        // A navigation ends the calls that are in progress.
        found = error;
      }
      return found === true;
    },
    () => `waited for ${selector}; found: ${String(found)}`,
  );
}

/** Runs in the page. Returns true, or the state and the beginning of the page. */
function findElement(selector: string): boolean | string {
  if (document.querySelector(selector) !== null && !('isStale' in globalThis)) return true;
  const state = document.querySelector('[data-testid="status"]')?.getAttribute('data-state') ?? 'no status';
  const text = document.documentElement.innerText;
  return `${state}: ${text.slice(0, 200).replaceAll('\n', ' | ')}`;
}

/** Clicks the element, and resolves with the time of the click in ms since 1970. */
export async function click(tab: Tab, testId: string): Promise<number> {
  await waitFor(tab, `${byTestId(testId)}:enabled`);
  return await callInPage(
    tab,
    (selector) => {
      const clickedAt = Date.now();
      document.querySelector<HTMLElement>(selector)?.click();
      return clickedAt;
    },
    byTestId(testId),
  );
}

/** Fills a text field as typing does: React listens to `input` events, and ignores a value that it has set itself. */
export async function fill(tab: Tab, testId: string, text: string): Promise<void> {
  await waitFor(tab, byTestId(testId));
  await callInPage(
    tab,
    (selector, value) => {
      const field = document.querySelector(selector);
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field, value);
      field?.dispatchEvent(new Event('input', { bubbles: true }));
    },
    byTestId(testId),
    text,
  );
}

/** Reloads the page, and resolves once the new one has the element, with the time that this took in milliseconds. */
export async function reloadUntil(tab: Tab, selector: string): Promise<number> {
  await callInPage(tab, () => void Reflect.set(globalThis, 'isStale', true));
  const startedAt = performance.now();
  await tab.reload();
  await waitFor(tab, selector);
  return performance.now() - startedAt;
}

/**
 * Records in the page when an element that matches the selector first appears, to measure times without the delay of a poll.
 *
 * @returns a function that resolves with that time in ms since 1970
 */
export async function recordAppearance(tab: Tab, selector: string): Promise<() => Promise<number>> {
  await callInPage(
    tab,
    (wanted) => {
      Reflect.set(globalThis, 'appearedAt', 0);
      const observer = new MutationObserver(() => {
        if (document.querySelector(wanted) === null) return;
        observer.disconnect();
        Reflect.set(globalThis, 'appearedAt', Date.now());
      });
      observer.observe(document, { subtree: true, childList: true, attributes: true });
    },
    selector,
  );
  return async () => {
    await waitFor(tab, selector);
    return await callInPage(tab, () => Reflect.get(globalThis, 'appearedAt') as number);
  };
}

/** Returns the names of the IndexedDB databases of the page's origin. */
export const databaseNames = (tab: Tab): Promise<readonly string[]> =>
  callInPage(tab, async () => (await indexedDB.databases()).map(({ name }) => name ?? ''));
