/** Taking a change back, and being told when another device has done so. */
import type { Page } from 'playwright-core';
import {
  addTag,
  choose,
  expect,
  toggle,
  waitForState,
  waitForValue,
  type Harness,
  type BrowserTab,
} from '../testing/harness.ts';

const waitForToast = (page: Page, id: string, text: string): Promise<void> =>
  page.getByTestId(`toast-${id}`).filter({ hasText: text }).waitFor();
const focusedPreference = (page: Page): Promise<string | null | undefined> =>
  page.evaluate(() => document.activeElement?.closest('[data-preference]')?.getAttribute('data-preference'));

export async function undoRevertsOwnChanges({ createUser }: Harness): Promise<void> {
  const person = await createUser();
  const [left, right] = [await person.openBrowser(), await person.openBrowser()];
  await undoByButtonAndKey(left, right);
  await undoKeepsOtherChanges(left, right);
  await supersededIsReported(left, right);
}

async function undoByButtonAndKey({ page }: BrowserTab, right: BrowserTab): Promise<void> {
  await choose(page, 'theme', 'dark');
  await waitForToast(page, 'undo', 'Theme changed to Dark.');
  await waitForValue(right.page, 'theme', 'dark');
  await page.getByTestId('toast-undo-action').focus();
  await page.keyboard.press('Enter');
  await waitForValue(page, 'theme', 'system');
  await waitForValue(right.page, 'theme', 'system');
  await waitForToast(page, 'undo', 'Theme is System again.');
  expect((await focusedPreference(page)) === 'theme', 'the focus was lost with the button');

  await toggle(page, 'dailyRecap');
  await addTag(page, 'selectedTags', 'home');
  await waitForToast(page, 'undo', '“home” added to Tags.');
  // In a text field the keys are the browser's own.
  await page.getByTestId('tag-input-selectedTags').press('Control+z');
  await waitForValue(page, 'selectedTags', ['home']);
  await page.getByTestId('switch-dailyRecap').focus();
  await page.keyboard.press('Control+z');
  await waitForValue(page, 'selectedTags', []);
  await waitForValue(page, 'dailyRecap', true);
  await page.keyboard.press('Control+z');
  await waitForValue(page, 'dailyRecap', false);
}

/** An undo must not take back what somebody has set since. */
async function undoKeepsOtherChanges(left: BrowserTab, right: BrowserTab): Promise<void> {
  await choose(left.page, 'viewMode', 'table');
  await waitForToast(left.page, 'undo', 'Default view changed to Table.');
  await waitForValue(right.page, 'viewMode', 'table');
  await choose(right.page, 'viewMode', 'graph');
  await waitForValue(left.page, 'viewMode', 'graph');
  await left.page.getByTestId('toast-undo').waitFor({ state: 'detached' });
  await left.page.getByTestId('choice-viewMode-graph').focus();
  await left.page.keyboard.press('Control+z');
  await choose(left.page, 'theme', 'light');
  await waitForState(left.page, 'live', 0);
  await waitForValue(right.page, 'theme', 'light');
  await waitForValue(left.page, 'viewMode', 'graph');
  await waitForValue(right.page, 'viewMode', 'graph');
}

/** A message goes by itself, but not while somebody points at it or is in it. */
export async function toastStaysWhileInUse({ createUser }: Harness): Promise<void> {
  const person = await createUser();
  const { page } = await person.openBrowser();
  await page.clock.install();
  await page.reload();
  await waitForState(page, 'live');
  await choose(page, 'theme', 'dark');
  const toast = page.getByTestId('toast-undo');
  await toast.hover();
  await page.clock.runFor(60_000);
  expect(await toast.isVisible(), 'it went while the pointer was on it');
  await page.mouse.move(0, 0);
  await page.getByTestId('toast-undo-action').focus();
  await page.clock.runFor(60_000);
  expect(await toast.isVisible(), 'it went while the focus was in it');
  await page.getByTestId('choice-theme-dark').focus();
  await page.clock.runFor(60_000);
  await toast.waitFor({ state: 'detached' });
}

/** The same preference on two devices offline: the later edit holds, and the earlier one's device says so, calmly. */
async function supersededIsReported(left: BrowserTab, right: BrowserTab): Promise<void> {
  await Promise.all([left.context.setOffline(true), right.context.setOffline(true)]);
  await Promise.all([waitForState(left.page, 'offline'), waitForState(right.page, 'offline')]);
  await choose(left.page, 'theme', 'dark');
  await waitForState(left.page, 'offline', 1);
  await choose(right.page, 'theme', 'system');
  await waitForState(right.page, 'offline', 1);
  // The later edit is there first, so that the earlier one is known to have been replaced and not just changed.
  await right.context.setOffline(false);
  await waitForState(right.page, 'live', 0);
  await left.context.setOffline(false);
  await waitForToast(left.page, 'superseded-theme', 'Theme was also changed on another device: now System.');
  for (const { page } of [left, right]) {
    await waitForValue(page, 'theme', 'system');
    await waitForState(page, 'live', 0);
  }
  expect(
    (await right.page.getByTestId('toast-superseded-theme').count()) === 0,
    'the later edit was told as superseded',
  );
}
