/** Undoing a change, and the message about a change that another device has superseded. */
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
  const user = await createUser();
  const [left, right] = [await user.openBrowser(), await user.openBrowser()];
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
  // In a text field the browser handles Ctrl+Z.
  await page.getByTestId('tag-input-selectedTags').press('Control+z');
  await waitForValue(page, 'selectedTags', ['home']);
  await page.getByTestId('switch-dailyRecap').focus();
  await page.keyboard.press('Control+z');
  await waitForValue(page, 'selectedTags', []);
  await waitForValue(page, 'dailyRecap', true);
  await page.keyboard.press('Control+z');
  await waitForValue(page, 'dailyRecap', false);
}

/** An undo keeps values that another device has set since. */
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

/** A toast disappears after a while, but not while it has the pointer or the focus. */
export async function toastStaysWhileInUse({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const { page } = await user.openBrowser();
  await page.clock.install();
  await page.reload();
  await waitForState(page, 'live');
  await choose(page, 'theme', 'dark');
  const toast = page.getByTestId('toast-undo');
  await toast.hover();
  await page.clock.runFor(60_000);
  expect(await toast.isVisible(), 'it disappeared under the pointer');
  await page.mouse.move(0, 0);
  await page.getByTestId('toast-undo-action').focus();
  await page.clock.runFor(60_000);
  expect(await toast.isVisible(), 'it disappeared while it had the focus');
  await page.getByTestId('choice-theme-dark').focus();
  await page.clock.runFor(60_000);
  await toast.waitFor({ state: 'detached' });
}

/** One preference is edited on two offline devices. The later edit wins, and the other device shows a message. */
async function supersededIsReported(left: BrowserTab, right: BrowserTab): Promise<void> {
  await Promise.all([left.context.setOffline(true), right.context.setOffline(true)]);
  await Promise.all([waitForState(left.page, 'offline'), waitForState(right.page, 'offline')]);
  await choose(left.page, 'theme', 'dark');
  await waitForState(left.page, 'offline', 1);
  await choose(right.page, 'theme', 'system');
  await waitForState(right.page, 'offline', 1);
  // The later edit arrives first, so that the earlier one counts as superseded and not just as changed.
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
    'the later edit was reported as superseded',
  );
}
