/** Pictures of the page: one for README, and with `--screenshots <folder>` all that a person should look at. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addWord, choose, openTab, toggle, waitForState, waitForValue, type Kit, type Seat } from './kit.ts';

const README_PICTURE = join(import.meta.dirname, '../../docs/page.png');

async function fill({ page }: Seat): Promise<void> {
  await toggle(page, 'dailyBriefing');
  for (const word of ['Title', 'Due', 'Owner']) await addWord(page, 'tableColumns', word);
  for (const word of ['home', 'garden']) await addWord(page, 'selectedTags', word);
  await page.getByTestId('timezone').selectOption('Europe/Vienna');
  await page.getByTestId('preset-name').fill('Weekend');
  await page.getByTestId('preset-save').click();
  await waitForValue(page, 'dailyBriefing', true);
  await page.getByTestId('device').first().waitFor();
  await waitForState(page, 'live', 0);
}

export async function takeReadmePicture({ newUser }: Kit): Promise<void> {
  const seat = await (await newUser()).openBrowser({ viewport: { width: 1180, height: 860 }, colorScheme: 'light' });
  await fill(seat);
  await seat.page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    scrollTo({ top: 0, behavior: 'instant' });
  });
  mkdirSync(join(README_PICTURE, '..'), { recursive: true });
  await seat.page.screenshot({ path: README_PICTURE });
}

export async function takePictures({ newUser, browser, server }: Kit, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const person = await newUser();
  for (const [name, width] of [
    ['desktop', 1280],
    ['phone', 390],
  ] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const viewport = { width, height: 844 };
      const picture = (what: string): { path: string } => ({
        path: join(folder, `${what}-${name}-${colorScheme}.png`),
      });
      const stranger = await openTab(await browser.newContext({ viewport, colorScheme }), server.url);
      await stranger.page.getByTestId('choose-register').click();
      await stranger.page.screenshot(picture('sign-in'));
      const seat = await person.openBrowser({ viewport, colorScheme });
      if (name === 'desktop' && colorScheme === 'light') await fill(seat);
      await seat.page.screenshot({ ...picture('page'), fullPage: true });
      await seat.context.setOffline(true);
      await waitForState(seat.page, 'offline');
      await choose(seat.page, 'viewMode', 'table');
      await choose(seat.page, 'selectedTimeRange', 'week');
      await seat.page.screenshot(picture('offline'));
      await seat.context.close();
    }
  }
}
