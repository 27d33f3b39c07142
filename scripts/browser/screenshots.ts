/** Pictures of the page: one for README, and with `--screenshots <folder>` all that a person should look at. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addWord, choose, openTab, toggle, waitForState, waitForValue, type Kit, type Seat } from './kit.ts';

const README_PICTURE = join(import.meta.dirname, '../../docs/preferences.png');

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

const backToTop = ({ page }: Seat): Promise<void> =>
  page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    scrollTo({ top: 0, behavior: 'instant' });
  });

/** One picture of both themes: a desktop in light, a phone in dark. */
export async function takeReadmePicture({ newUser, browser }: Kit): Promise<void> {
  const person = await newUser('alice');
  const seats = [
    await person.openBrowser({ viewport: { width: 1080, height: 844 }, colorScheme: 'light' }),
    await person.openBrowser({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' }),
  ];
  const pictures: string[] = [];
  for (const [index, seat] of seats.entries()) {
    if (index === 0) await fill(seat);
    await waitForValue(seat.page, 'dailyBriefing', true);
    await backToTop(seat);
    pictures.push((await seat.page.screenshot()).toString('base64'));
  }
  const sheet = await browser.newPage({ viewport: { width: 1550, height: 904 } });
  const images = pictures.map((data) => `<img src="data:image/png;base64,${data}">`).join('');
  await sheet.setContent(`<style>body{margin:0;padding:30px;display:flex;gap:20px;background:#dfe7e5}
    img{border-radius:14px;box-shadow:0 6px 24px rgb(0 0 0/18%)}</style>${images}`);
  mkdirSync(join(README_PICTURE, '..'), { recursive: true });
  await sheet.screenshot({ path: README_PICTURE });
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
      await backToTop(seat);
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
