/** Checks that the text of the status pill, which most pages show as the only sync status, is readable at every width. */
import type { Page } from 'playwright-core';
import { choose, expect, goTo, toggle, waitForState, type Harness } from '../testing/harness.ts';

const MIN_WIDTH = 320;
const MAX_WIDTH = 1600;
const STEP = 32;
/** The layout changes after these widths: see the media queries in client/app/styles. */
const BREAKPOINTS = [760, 880, 980, 1120, 1180];

const WIDTHS = [
  ...Array.from({ length: (MAX_WIDTH - MIN_WIDTH) / STEP + 1 }, (_, index) => MIN_WIDTH + index * STEP),
  ...BREAKPOINTS.flatMap((width) => [width, width + 1]),
];

export async function statusIsReadable({ createUser }: Harness): Promise<void> {
  const user = await createUser('a_username_that_takes_much_space');
  const { page, context } = await user.openBrowser();
  await expectReadable(page, 'Live');
  await context.setOffline(true);
  await waitForState(page, 'offline');
  await choose(page, 'theme', 'dark');
  await toggle(page, 'dailyBriefing');
  await waitForState(page, 'offline', 2);
  await expectReadable(page, 'Offline: 2 changes waiting');
  await context.clearCookies();
  await page.reload();
  await context.setOffline(false);
  await waitForState(page, 'sign-in-needed', 2);
  await expectReadable(page, 'Sign in again to sync: 2 changes waiting');
}

export async function statusOfEachDeviceIsReadable({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const { page } = await user.openBrowser();
  await goTo(page, 'Two devices');
  for (const name of ['laptop', 'phone']) {
    await page.locator(`[data-testid="status-${name}"][data-state="live"]`).waitFor();
  }
  await expectReadable(page, 'Live');
}

/** Throws unless each pill shows the whole text at every width, and the page does not scroll sideways. */
async function expectReadable(page: Page, text: string): Promise<void> {
  await page.locator('.pill-text').first().filter({ hasText: text }).waitFor();
  const failures: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const problem = await page.evaluate(findProblem, text);
    if (problem !== '') failures.push(`${width} px: ${problem}`);
  }
  expect(failures.length === 0, `“${text}” is not readable at ${failures.join(', ')}`);
}

/** Runs in the page. Returns an empty string if there is no problem. */
function findProblem(text: string): string {
  if (document.documentElement.scrollWidth > innerWidth) return 'the page scrolls sideways';
  for (const element of document.querySelectorAll('.pill-text')) {
    if (element.textContent !== text) return `the text is “${element.textContent}”`;
    element.scrollIntoView({ block: 'center', behavior: 'instant' });
    const range = document.createRange();
    range.selectNodeContents(element);
    const [content, box] = [range.getBoundingClientRect(), element.getBoundingClientRect()];
    // Half a pixel is rounding.
    if (content.width === 0 || content.right > box.right + 0.5) {
      return `${Math.round(box.width)} of ${Math.round(content.width)} px are shown`;
    }
    if (content.left < 0 || content.right > innerWidth) return 'the text is outside of the window';
    // Another element may cover the text.
    const top = document.elementFromPoint(content.left + content.width / 2, content.top + content.height / 2);
    if (top === null || element.closest('.pill')?.contains(top) !== true) return 'the text is covered';
  }
  return '';
}
