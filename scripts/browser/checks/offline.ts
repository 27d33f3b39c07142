/** Without a network everything goes on, and nothing is lost. */
import { addWord, choose, expect, toggle, waitForState, waitForValue, type Kit } from '../kit.ts';

export async function offlineEditsInBothBrowsers({ newUser }: Kit): Promise<void> {
  const person = await newUser();
  const [left, right] = [await person.openBrowser(), await person.openBrowser()];
  await Promise.all([left.context.setOffline(true), right.context.setOffline(true)]);
  await Promise.all([waitForState(left.page, 'offline'), waitForState(right.page, 'offline')]);
  await choose(left.page, 'theme', 'dark');
  await toggle(left.page, 'dailyRecap');
  await choose(right.page, 'viewMode', 'graph');
  await addWord(right.page, 'selectedTags', 'garden');
  await waitForState(left.page, 'offline', 2);
  await waitForState(right.page, 'offline', 2);
  const text = await left.page.getByTestId('status').innerText();
  expect(text === 'Offline: 2 changes waiting', `the pill says: ${text}`);
  await Promise.all([left.context.setOffline(false), right.context.setOffline(false)]);
  for (const { page } of [left, right]) {
    await waitForValue(page, 'theme', 'dark');
    await waitForValue(page, 'dailyRecap', true);
    await waitForValue(page, 'viewMode', 'graph');
    await waitForValue(page, 'selectedTags', ['garden']);
    await waitForState(page, 'live', 0);
  }
}

export async function reloadWithoutNetwork({ newUser }: Kit): Promise<void> {
  const person = await newUser();
  const [left, right] = [await person.openBrowser(), await person.openBrowser()];
  await choose(left.page, 'viewMode', 'table');
  await waitForState(left.page, 'live', 0);
  await left.page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await left.context.setOffline(true);
  await left.page.reload();
  await waitForValue(left.page, 'viewMode', 'table');
  await waitForState(left.page, 'offline', 0);
  await toggle(left.page, 'dailyBriefing');
  await waitForValue(left.page, 'dailyBriefing', true);
  await waitForState(left.page, 'offline', 1);
  await left.page.reload();
  await waitForValue(left.page, 'dailyBriefing', true);
  await waitForState(left.page, 'offline', 1);
  await left.context.setOffline(false);
  await waitForValue(right.page, 'dailyBriefing', true);
  await waitForState(left.page, 'live', 0);
}

export async function serverRestart({ newUser, server }: Kit): Promise<void> {
  const person = await newUser();
  const [left, right] = [await person.openBrowser(), await person.openBrowser()];
  const marks = await Promise.all([left, right].map(({ page }) => page.evaluate(() => performance.timeOrigin)));
  await server.stop();
  await Promise.all([waitForState(left.page, 'offline'), waitForState(right.page, 'offline')]);
  await toggle(left.page, 'activitySidebarOpen');
  await server.start();
  await waitForValue(right.page, 'activitySidebarOpen', false);
  await waitForState(left.page, 'live', 0);
  await choose(right.page, 'theme', 'light');
  await waitForValue(left.page, 'theme', 'light');
  const after = await Promise.all([left, right].map(({ page }) => page.evaluate(() => performance.timeOrigin)));
  expect(JSON.stringify(after) === JSON.stringify(marks), 'a page was loaded again');
}
