/**
 * Takes screenshots of every page, for the README and for work on the page.
 *
 *     tsx scripts/browser/screenshots.ts [folder] [--all]
 *
 * The default folder is `docs`, with a light desktop and a dark phone. `--all` takes both sizes in both themes, in full
 * length.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { linkChat } from './checks/telegram.ts';
import {
  addTag,
  choose,
  goTo,
  openTab,
  startHarness,
  toggle,
  waitForState,
  waitForValue,
  type Harness,
} from './testing/harness.ts';

const DOCS = join(import.meta.dirname, '../../docs');

const SIZES = {
  desktop: { viewport: { width: 1280, height: 860 } },
  phone: {
    viewport: { width: 390, height: 844 },
    userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1',
  },
} as const;

interface ScreenshotVariant {
  readonly size: keyof typeof SIZES;
  readonly colorScheme: 'light' | 'dark';
  readonly suffix: string;
}

const README_VARIANTS: readonly ScreenshotVariant[] = [
  { size: 'desktop', colorScheme: 'light', suffix: 'desktop' },
  { size: 'phone', colorScheme: 'dark', suffix: 'phone' },
];
const ALL_VARIANTS: readonly ScreenshotVariant[] = (['desktop', 'phone'] as const).flatMap((size) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ size, colorScheme, suffix: `${size}-${colorScheme}` })),
);

async function fillPreferences(page: Page): Promise<void> {
  await toggle(page, 'dailyBriefing');
  for (const column of ['Title', 'Due', 'Owner']) await addTag(page, 'tableColumns', column);
  for (const tag of ['home', 'garden']) await addTag(page, 'selectedTags', tag);
  await page.getByTestId('timezone').selectOption('Europe/Vienna');
  await page.getByTestId('preset-name').fill('Weekend');
  await page.getByTestId('preset-save').click();
  await waitForValue(page, 'dailyBriefing', true);
  await waitForState(page, 'live', 0);
}

/** Dismisses all toasts, removes the focus and scrolls to the top. */
async function clearDistractions(page: Page): Promise<void> {
  const close = page.getByRole('button', { name: 'Dismiss message' });
  while ((await close.count()) > 0) await close.first().click();
  await page.mouse.move(0, 0);
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    scrollTo({ top: 0, behavior: 'instant' });
  });
}

/** Takes both devices offline and makes an edit on each. */
async function takeDevicesOffline(page: Page): Promise<void> {
  const [laptop, phone] = [page.getByTestId('device-laptop'), page.getByTestId('device-phone')];
  for (const name of ['laptop', 'phone']) {
    await page.locator(`[data-testid="status-${name}"][data-state="live"]`).waitFor();
  }
  await page.getByTestId('toggle-both').click();
  for (const name of ['laptop', 'phone']) {
    await page.locator(`[data-testid="status-${name}"][data-state="offline"]`).waitFor();
  }
  await laptop.getByTestId('choice-theme-dark').check();
  await phone.getByTestId('choice-viewMode-table').check();
  await page.locator('[data-testid="tour"][data-step="reconnect"]').waitFor();
}

async function mergeDevices(page: Page): Promise<void> {
  await page.getByTestId('toggle-both').click();
  await page.locator('[data-testid="tour"][data-step="merged"]').waitFor();
  await page.getByTestId('device-laptop').getByTestId('choice-theme-system').check();
  await page.getByTestId('device-laptop').getByTestId('choice-viewMode-kanban').check();
  await page.locator('[data-testid="status-laptop"][data-state="live"][data-unsent="0"]').waitFor();
}

async function takeScreenshots(
  { createUser, browser, server, telegram }: Harness,
  folder: string,
  variants: readonly ScreenshotVariant[],
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const user = await createUser('alice');
  const elsewhere = await user.openBrowser();
  await fillPreferences(elsewhere.page);
  await goTo(elsewhere.page, 'Devices');
  await linkChat(elsewhere.page, telegram.createPerson('Alice', 'alice'));
  for (const { size, colorScheme, suffix } of variants) {
    const fullPage = variants === ALL_VARIANTS;
    const pathOf = (name: string): string => join(folder, `${name}-${suffix}.png`);
    const take = async (page: Page, name: string): Promise<void> => {
      await clearDistractions(page);
      await page.screenshot({ path: pathOf(name), fullPage });
    };
    const options = { ...SIZES[size], colorScheme };
    const signedOutTab = await openTab(await browser.newContext(options), server.url);
    await signedOutTab.page.getByTestId('choose-register').click();
    await take(signedOutTab.page, 'sign-in');
    await signedOutTab.context.close();

    const { page, context } = await user.openBrowser(options);
    await waitForValue(page, 'dailyBriefing', true);
    await take(page, 'preferences');
    await goTo(page, 'Devices');
    await page.getByTestId('device').nth(1).waitFor();
    await take(page, 'devices');
    await goTo(page, 'Inspector');
    await page.getByTestId('leaf').first().waitFor();
    await take(page, 'inspector');
    await goTo(page, 'Two devices');
    await takeDevicesOffline(page);
    await take(page, 'two-devices');
    await mergeDevices(page);
    if (fullPage) await takeTransientScreenshots(page, pathOf);
    await context.close();
  }
}

/** States that do not last: the undo toast, the open status, and the pages offline. */
async function takeTransientScreenshots(page: Page, path: (name: string) => string): Promise<void> {
  await goTo(page, 'Preferences');
  await page.context().setOffline(true);
  await waitForState(page, 'offline');
  await choose(page, 'selectedTimeRange', 'week');
  await page.getByTestId('status').click();
  await page.getByTestId('toast-undo').waitFor();
  await page.screenshot({ path: path('undo') });
  await goTo(page, 'Devices');
  await page.screenshot({ path: path('devices-offline') });
  await page.getByTestId('sign-out').click();
  await page.getByRole('dialog').waitFor();
  await page.screenshot({ path: path('sign-out') });
  await page.keyboard.press('Escape');
  await page.context().setOffline(false);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { all: { type: 'boolean' } } });
const harness = await startHarness();
try {
  await takeScreenshots(harness, positionals[0] ?? DOCS, values.all === true ? ALL_VARIANTS : README_VARIANTS);
} finally {
  await harness.close();
}
