/** Signing out, signing in again, what the server refuses, and what other tabs make of all that. */
import {
  choose,
  databaseNames,
  expect,
  openTab,
  waitForEmptyStorage,
  waitForState,
  waitForValue,
  type Kit,
} from '../testing/harness.ts';

export async function signOutLeavesNothing({ newUser, server }: Kit): Promise<void> {
  const person = await newUser();
  const seat = await person.openBrowser();
  const tab = await openTab(seat.context, server.url);
  await waitForState(tab.page, 'live');
  await choose(seat.page, 'theme', 'dark');
  expect((await databaseNames(seat.page)).length === 1, 'there is no local database to begin with');
  await seat.page.getByTestId('sign-out').click();
  await seat.page.getByTestId('credentials-form').waitFor();
  await tab.page.getByTestId('credentials-form').waitFor();
  const names = await databaseNames(seat.page);
  expect(names.length === 0, `databases left: ${names.join(', ')}`);
  await waitForEmptyStorage(seat.page, 'after a sign-out');
  const cookies = await seat.context.cookies();
  expect(cookies.length === 0, `cookies left: ${cookies.map(({ name }) => name).join(', ')}`);
  await seat.page.reload();
  await seat.page.getByTestId('credentials-form').waitFor();
  const elsewhere = await person.openBrowser();
  await waitForValue(elsewhere.page, 'theme', 'dark');
}

export async function anotherTabTakesOver({ newUser, server }: Kit): Promise<void> {
  const person = await newUser();
  const [seat, other] = [await person.openBrowser(), await person.openBrowser()];
  const tabs = [await openTab(seat.context, server.url), await openTab(seat.context, server.url)];
  for (const { page } of tabs) await waitForState(page, 'live');
  const syncing = new Set<number>();
  for (const [index, { page }] of tabs.entries()) {
    page.on('request', (request) => {
      if (request.url().includes('/sync/')) syncing.add(index);
    });
  }
  await choose(other.page, 'viewMode', 'graph');
  for (const { page } of tabs) await waitForValue(page, 'viewMode', 'graph');
  expect(syncing.size === 0, 'a follower has a connection of its own');
  await seat.page.close();
  await choose(other.page, 'viewMode', 'table');
  for (const { page } of tabs) await waitForValue(page, 'viewMode', 'table');
  expect(syncing.size === 1, `${syncing.size} tabs sync after the leader was closed`);
}

/** The local database is made anew under both tabs; what is good stays, what was refused goes and is told. */
export async function refusedEditIsTakenBack({ newUser, server }: Kit): Promise<void> {
  const person = await newUser();
  const seat = await person.openBrowser();
  const tab = await openTab(seat.context, server.url);
  await waitForState(tab.page, 'live');
  await seat.context.setOffline(true);
  await waitForState(seat.page, 'offline');
  await choose(tab.page, 'selectedTimeRange', 'week');
  // The gate takes no edit that is dated more than a day ahead of its own clock.
  await seat.page.evaluate(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 3 * 86_400_000;
  });
  await choose(seat.page, 'viewMode', 'graph');
  await waitForState(seat.page, 'offline', 2);
  await seat.context.setOffline(false);
  for (const { page } of [seat, tab]) {
    await waitForState(page, 'refused', 0);
    await page.getByTestId('notice-refused').filter({ hasText: 'Default view' }).waitFor();
    await waitForValue(page, 'viewMode', 'kanban');
    await waitForValue(page, 'selectedTimeRange', 'week');
  }
  await tab.page.getByTestId('dismiss-refused').click();
  for (const { page } of [seat, tab]) await waitForState(page, 'live', 0);
  await choose(tab.page, 'viewMode', 'table');
  await waitForValue(seat.page, 'viewMode', 'table');
  await waitForState(tab.page, 'live', 0);
}
