/** Runs axe-core on every page, in both themes and widths, and checks that no page is wider than its window. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import type { FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';
import { addTag, choose, expect, goTo, openTab, toggle, waitForState, type Harness } from '../testing/harness.ts';
import { linkChat, createLink } from './telegram.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const WIDTHS_PX = [1280, 390] as const;
const NARROW_WIDTHS_PX = [900, 640, 390, 320] as const;
const THEMES = ['light', 'dark'] as const;

interface PageState {
  readonly name: string;
  readonly page: Page;
  readonly show: () => Promise<unknown>;
}

/** Returns axe-core's violations as sentences. The page's policy forbids foreign scripts, so axe-core is evaluated instead. */
async function findViolations(page: Page): Promise<readonly string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const results = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<AxeResults> } };
    return axe.run({ resultTypes: ['violations'] });
  });
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id}: ${help}: ${target.join(' ')} ${failureSummary}`),
  );
}

/** Opens every page, each in the state that shows most of it. */
async function createPageStates({ createUser, browser, server, telegram }: Harness): Promise<readonly PageState[]> {
  const user = await createUser();
  const { page } = await user.openBrowser();
  const { page: signedOutPage } = await user.openBrowser();
  const { page: signInPage } = await openTab(await browser.newContext(), server.url);
  for (const each of [page, signInPage, signedOutPage]) await each.emulateMedia({ reducedMotion: 'reduce' });
  await toggle(page, 'dailyBriefing');
  await addTag(page, 'tableColumns', 'Title');
  await addTag(page, 'tableColumns', 'Due');
  await addTag(page, 'selectedTags', 'home');
  await page.getByTestId('preset-name').fill('Weekend');
  await page.getByTestId('preset-save').click();
  await waitForState(page, 'live', 0);
  const views = ['table', 'graph', 'kanban', 'table'];

  return [
    { name: 'sign-in', page: signInPage, show: () => showSignInError(signInPage) },
    { name: 'preferences', page, show: () => showPreferences(page, views.shift() ?? 'kanban') },
    { name: 'devices', page, show: () => showDevices(page, telegram) },
    { name: 'inspector', page, show: () => showInspector(page) },
    { name: 'two devices', page, show: () => showTwoDevices(page) },
    { name: 'signed out from another device', page: signedOutPage, show: () => showSignedOut(signedOutPage, page) },
  ];
}

async function showSignInError(page: Page): Promise<void> {
  await page.getByTestId('choose-register').click();
  await page.getByTestId('username').fill('A wrong name');
  await page.getByTestId('password').fill('long enough');
  await page.getByTestId('submit').click();
  await page.getByTestId('form-error').filter({ hasText: /\w/ }).waitFor();
}

async function showPreferences(page: Page, view: string): Promise<void> {
  await goTo(page, 'Preferences');
  await choose(page, 'viewMode', view);
  await page.getByTestId('toast-undo').waitFor();
  const pill = page.getByTestId('status');
  if ((await pill.getAttribute('aria-expanded')) === 'false') await pill.click();
}

async function showDevices(page: Page, telegram: FakeTelegramApi): Promise<void> {
  await goTo(page, 'Devices');
  await page.getByTestId('device').first().waitFor();
  if ((await page.getByTestId('telegram-chat').count()) === 0)
    await linkChat(page, telegram.createPerson('Ada', 'ada'));
  await createLink(page);
}

async function showInspector(page: Page): Promise<void> {
  await goTo(page, 'Inspector');
  await page.getByTestId('leaf').first().waitFor();
}

async function showTwoDevices(page: Page): Promise<void> {
  await goTo(page, 'Two devices');
  for (const name of ['laptop', 'phone']) {
    const frame = page.getByTestId(`device-${name}`);
    await frame.locator('details').evaluate((details) => ((details as HTMLDetailsElement).open = true));
    await frame.getByTestId('leaf').first().waitFor();
  }
  await page.getByTestId('toggle-both').click();
  const laptop = page.getByTestId('device-laptop');
  const theme = (await laptop.getAttribute('data-theme')) === 'dark' ? 'light' : 'dark';
  await laptop.getByTestId(`choice-theme-${theme}`).check();
  await page.getByTestId('toggle-both').click();
  await page.locator('[data-testid="status-laptop"][data-state="live"][data-unsent="0"]').waitFor();
}

/** Signs out `signedOutPage` from the Devices page of another browser. */
async function showSignedOut(signedOutPage: Page, page: Page): Promise<void> {
  if ((await signedOutPage.getByTestId('sign-in-again').count()) > 0) return;
  await goTo(page, 'Devices');
  await page.getByTestId('sign-out-device').first().click();
  await signedOutPage.getByTestId('sign-in-again').waitFor();
}

/** Checks that no page scrolls horizontally on a narrow phone, or when zoomed to 200 % and 400 %. */
async function findOverflow(page: Page): Promise<readonly string[]> {
  const found: string[] = [];
  for (const width of NARROW_WIDTHS_PX) {
    await page.setViewportSize({ width, height: 480 });
    const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
    if (scrollWidth > width) found.push(`at ${width} px it is ${scrollWidth} px wide`);
  }
  return found;
}

export async function everyPageIsAccessible(harness: Harness): Promise<string> {
  const found: string[] = [];
  let checkedCount = 0;
  for (const { name, page, show } of await createPageStates(harness)) {
    for (const width of WIDTHS_PX) {
      await page.setViewportSize({ width, height: 860 });
      await show();
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        found.push(...(await findViolations(page)).map((text) => `${name}, ${colorScheme}, ${width} px: ${text}`));
        checkedCount += 1;
      }
    }
    found.push(...(await findOverflow(page)).map((text) => `${name}: ${text}`));
  }
  expect(found.length === 0, `violations:\n${found.join('\n')}`);
  return `0 violations in ${checkedCount} combinations`;
}
