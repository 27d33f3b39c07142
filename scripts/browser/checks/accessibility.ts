/** axe-core on every page, in both themes and at both widths; and no page is wider than its window. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
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

/** What axe-core finds wrong, as sentences. The policy forbids scripts of others, so it is given to the page from outside. */
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

/** Everything there is to see, each in the state in which there is most of it. */
async function createPageStates({ createUser, browser, server, telegram }: Harness): Promise<readonly PageState[]> {
  const person = await createUser();
  const { page } = await person.openBrowser();
  const signedOutTab = await person.openBrowser();
  const { page: signInPage } = await openTab(await browser.newContext(), server.url);
  for (const each of [page, signInPage, signedOutTab.page]) await each.emulateMedia({ reducedMotion: 'reduce' });
  await toggle(page, 'dailyBriefing');
  await addTag(page, 'tableColumns', 'Title');
  await addTag(page, 'tableColumns', 'Due');
  await addTag(page, 'selectedTags', 'home');
  await page.getByTestId('preset-name').fill('Weekend');
  await page.getByTestId('preset-save').click();
  await waitForState(page, 'live', 0);
  const views = ['table', 'graph', 'kanban', 'table'];

  return [
    {
      name: 'sign-in',
      page: signInPage,
      show: async () => {
        await signInPage.getByTestId('choose-register').click();
        await signInPage.getByTestId('username').fill('A wrong name');
        await signInPage.getByTestId('password').fill('long enough');
        await signInPage.getByTestId('submit').click();
        await signInPage.getByTestId('form-error').filter({ hasText: /\w/ }).waitFor();
      },
    },
    {
      name: 'preferences',
      page,
      show: async () => {
        await goTo(page, 'Preferences');
        await choose(page, 'viewMode', views.shift() ?? 'kanban');
        await page.getByTestId('toast-undo').waitFor();
        const pill = page.getByTestId('status');
        if ((await pill.getAttribute('aria-expanded')) === 'false') await pill.click();
      },
    },
    {
      name: 'devices',
      page,
      show: async () => {
        await goTo(page, 'Devices');
        await page.getByTestId('device').first().waitFor();
        if ((await page.getByTestId('telegram-chat').count()) === 0)
          await linkChat(page, telegram.createPerson('Ada', 'ada'));
        await createLink(page);
      },
    },
    {
      name: 'inspector',
      page,
      show: async () => {
        await goTo(page, 'Inspector');
        await page.getByTestId('leaf').first().waitFor();
      },
    },
    {
      name: 'two devices',
      page,
      show: async () => {
        await goTo(page, 'Two devices');
        for (const name of ['laptop', 'phone']) {
          const frame = page.getByTestId(`device-${name}`);
          await frame.locator('details').evaluate((details) => ((details as HTMLDetailsElement).open = true));
          await frame.getByTestId('leaf').first().waitFor();
        }
        await page.getByTestId('toggle-both').click();
        const next = (await page.getByTestId('device-laptop').getAttribute('data-theme')) === 'dark' ? 'light' : 'dark';
        await page.getByTestId('device-laptop').getByTestId(`choice-theme-${next}`).check();
        await page.getByTestId('toggle-both').click();
        await page.locator('[data-testid="status-laptop"][data-state="live"][data-unsent="0"]').waitFor();
      },
    },
    {
      name: 'signed out from elsewhere',
      page: signedOutTab.page,
      show: async () => {
        if ((await signedOutTab.page.getByTestId('sign-in-again').count()) > 0) return;
        await goTo(page, 'Devices');
        await page.getByTestId('sign-out-device').first().click();
        await signedOutTab.page.getByTestId('sign-in-again').waitFor();
      },
    },
  ];
}

/** On a narrow phone, and with everything enlarged to 200 % and 400 %, nothing has to be scrolled sideways. */
async function findOverflow(page: Page): Promise<readonly string[]> {
  const found: string[] = [];
  for (const width of NARROW_WIDTHS_PX) {
    await page.setViewportSize({ width, height: 480 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) found.push(`at ${width} px it is ${wide} px wide`);
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
  expect(found.length === 0, `faults:\n${found.join('\n')}`);
  return `0 violations in ${checkedCount} looks`;
}
