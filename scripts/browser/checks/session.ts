/** Signing out, signing in again and refused edits, and how other tabs follow. */
import type { Route } from 'playwright-core';
import {
  choose,
  databaseNames,
  expect,
  openTab,
  waitForEmptyStorage,
  waitForState,
  waitForValue,
  type Harness,
} from '../testing/harness.ts';

export async function signOutLeavesNothing({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const firstTab = await user.openBrowser();
  const tab = await openTab(firstTab.context, server.url);
  await waitForState(tab.page, 'live');
  await choose(firstTab.page, 'theme', 'dark');
  expect((await databaseNames(firstTab.page)).length === 1, 'there is no local database in the first place');
  await firstTab.page.getByTestId('sign-out').click();
  await firstTab.page.getByTestId('credentials-form').waitFor();
  await tab.page.getByTestId('credentials-form').waitFor();
  const names = await databaseNames(firstTab.page);
  expect(names.length === 0, `databases left: ${names.join(', ')}`);
  await waitForEmptyStorage(firstTab.page, 'after a sign-out');
  // The cookie of the device contains no name, and gives no access.
  const cookies = (await firstTab.context.cookies()).filter(({ name }) => name !== 'pouchgate_device');
  expect(cookies.length === 0, `cookies left: ${cookies.map(({ name }) => name).join(', ')}`);
  await firstTab.page.reload();
  await firstTab.page.getByTestId('credentials-form').waitFor();
  const elsewhere = await user.openBrowser();
  await waitForValue(elsewhere.page, 'theme', 'dark');
}

export async function anotherTabTakesOver({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const [firstTab, other] = [await user.openBrowser(), await user.openBrowser()];
  const tabs = [await openTab(firstTab.context, server.url), await openTab(firstTab.context, server.url)];
  for (const { page } of tabs) await waitForState(page, 'live');
  const syncing = new Set<number>();
  for (const [index, { page }] of tabs.entries()) {
    page.on('request', (request) => {
      if (request.url().includes('/sync/')) syncing.add(index);
    });
  }
  await choose(other.page, 'viewMode', 'graph');
  for (const { page } of tabs) await waitForValue(page, 'viewMode', 'graph');
  expect(syncing.size === 0, 'a follower has its own connection');
  await firstTab.page.close();
  await choose(other.page, 'viewMode', 'table');
  for (const { page } of tabs) await waitForValue(page, 'viewMode', 'table');
  expect(syncing.size === 1, `${syncing.size} tabs sync after the leader has closed`);
}

/** Responds in the gate's place to a write that it would refuse if its schema were another one. */
async function refuseGraph(route: Route): Promise<void> {
  const request = route.request();
  const body = request.postData() ?? '';
  if (!body.includes('"viewMode":"graph"')) return route.fallback();
  const refusal = { error: 'forbidden', reason: 'viewMode must be one of kanban, table' };
  if (!request.url().endsWith('_bulk_docs')) return route.fulfill({ status: 403, json: refusal });
  const { docs } = JSON.parse(body) as { readonly docs: readonly { readonly _id: string; readonly _rev: string }[] };
  return route.fulfill({ status: 201, json: docs.map(({ _id, _rev }) => ({ id: _id, rev: _rev, ...refusal })) });
}

/** The local database is recreated under both tabs. Accepted edits are kept; refused ones are reverted and reported. */
export async function refusedEditIsReverted({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const firstTab = await user.openBrowser();
  const tab = await openTab(firstTab.context, server.url);
  await waitForState(tab.page, 'live');
  await firstTab.context.setOffline(true);
  await waitForState(firstTab.page, 'offline');
  await choose(tab.page, 'selectedTimeRange', 'week');
  await firstTab.context.route(/\/sync\/.*\/(_bulk_docs$|user_)/, refuseGraph);
  await choose(firstTab.page, 'viewMode', 'graph');
  await waitForState(firstTab.page, 'offline', 2);
  await firstTab.context.setOffline(false);
  for (const { page } of [firstTab, tab]) {
    await waitForState(page, 'refused', 0);
    await page.getByTestId('notice-refused').filter({ hasText: 'Default view' }).waitFor();
    await waitForValue(page, 'viewMode', 'kanban');
    await waitForValue(page, 'selectedTimeRange', 'week');
  }
  await tab.page.getByTestId('dismiss-refused').click();
  for (const { page } of [firstTab, tab]) await waitForState(page, 'live', 0);
  await choose(tab.page, 'viewMode', 'table');
  await waitForValue(firstTab.page, 'viewMode', 'table');
  await waitForState(tab.page, 'live', 0);
}
