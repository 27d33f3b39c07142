/** Two devices on one page go offline, are edited, and merge. A sign-out removes all their data. */
import type { Locator, Page } from 'playwright-core';
import {
  databaseNames,
  expect,
  goTo,
  openTab,
  waitForEmptyStorage,
  waitForState,
  waitForValue,
  type Harness,
} from '../testing/harness.ts';

const NAMES = ['laptop', 'phone'] as const;

const device = (page: Page, name: (typeof NAMES)[number]): Locator => page.getByTestId(`device-${name}`);
const waitForDeviceStates = async (page: Page, state: string, unsent: number): Promise<void> => {
  for (const name of NAMES) {
    await page.locator(`[data-testid="status-${name}"][data-state="${state}"][data-unsent="${unsent}"]`).waitFor();
  }
};
const waitForStep = (page: Page, step: string): Promise<void> =>
  page.locator(`[data-testid="tour"][data-step="${step}"]`).waitFor();
const waitForValueOnDevices = async (page: Page, preference: string, value: unknown): Promise<void> => {
  const text = JSON.stringify(JSON.stringify(value));
  for (const name of NAMES) {
    await device(page, name).locator(`[data-testid="pref-${preference}"][data-value=${text}]`).waitFor();
  }
};

export async function twoDevicesMerge({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const [firstTab, otherBrowser] = [await user.openBrowser(), await user.openBrowser()];
  const { page, errors } = firstTab;
  await goTo(page, 'Two devices');
  await waitForDeviceStates(page, 'live', 0);

  await page.getByTestId('toggle-both').click();
  await waitForDeviceStates(page, 'offline', 0);
  await waitForStep(page, 'edit');
  // Different preferences, and one on both devices, where the later edit wins.
  await device(page, 'laptop').getByTestId('choice-theme-dark').check();
  await device(page, 'laptop').getByTestId('choice-viewMode-graph').check();
  await device(page, 'phone').getByTestId('switch-activitySidebarOpen').click();
  await device(page, 'phone').getByTestId('choice-viewMode-table').check();
  await waitForDeviceStates(page, 'offline', 2);
  await waitForStep(page, 'reconnect');
  expect(
    (await device(page, 'phone').getAttribute('data-theme')) === 'system',
    'an offline device has received the other one’s edit',
  );

  // The later edit arrives first, so that the earlier one counts as superseded and not just as changed.
  await page.getByTestId('network-switch-phone').click();
  await page.locator('[data-testid="status-phone"][data-state="live"][data-unsent="0"]').waitFor();
  await page.getByTestId('toggle-both').click();
  await waitForStep(page, 'merged');
  await waitForDeviceStates(page, 'live', 0);
  await waitForValueOnDevices(page, 'theme', 'dark');
  await waitForValueOnDevices(page, 'activitySidebarOpen', false);
  await waitForValueOnDevices(page, 'viewMode', 'table');
  await device(page, 'laptop')
    .getByTestId('toast-superseded-viewMode')
    .filter({ hasText: 'Default view was also changed on another device: now Table.' })
    .waitFor();
  await waitForValue(otherBrowser.page, 'viewMode', 'table');
  await waitForValue(otherBrowser.page, 'theme', 'dark');
  await waitForValue(otherBrowser.page, 'activitySidebarOpen', false);
  expect(errors.filter((text) => !text.includes('ERR_')).length === 0, `console errors: ${errors.join('; ')}`);
}

/** Each switch affects only its own device, in every tab and after a reload. */
export async function oneDeviceGoesOffline({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const { page, context } = await user.openBrowser();
  await goTo(page, 'Two devices');
  await waitForDeviceStates(page, 'live', 0);
  await page.getByTestId('network-switch-laptop').click();
  await page.locator('[data-testid="status-laptop"][data-state="offline"]').waitFor();
  await device(page, 'phone').getByTestId('choice-viewMode-graph').check();
  await page.locator('[data-testid="status-phone"][data-state="live"][data-unsent="0"]').waitFor();

  const tab = await openTab(context, `${server.url}/two-devices`);
  await tab.page.locator('[data-testid="status-laptop"][data-state="offline"]').waitFor();
  await page.close();
  await tab.page.locator('[data-testid="status-phone"][data-state="live"]').waitFor();
  await tab.page.reload();
  await tab.page.locator('[data-testid="status-laptop"][data-state="offline"]').waitFor();
  expect(
    (await device(tab.page, 'laptop').getByTestId('preview').getAttribute('data-view')) === 'kanban',
    'an offline device has received the other one’s edit',
  );
  await tab.page.getByTestId('network-switch-laptop').click();
  await waitForValueOnDevices(tab.page, 'viewMode', 'graph');
}

/**
 * A sign-out removes the data of both devices, even if the tab that signs out does not show them. It warns about their
 * unsent edits first.
 */
export async function twoDevicesLeaveNothing({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  for (const place of ['here', 'another page', 'another tab'] as const) {
    const { page, context } = await user.openBrowser();
    await goTo(page, 'Two devices');
    await waitForDeviceStates(page, 'live', 0);
    expect((await databaseNames(page)).length === 3, 'there are not three databases in the first place');
    await page.getByTestId('network-switch-phone').click();
    await page.locator('[data-testid="status-phone"][data-state="offline"]').waitFor();
    await device(page, 'phone').getByTestId('switch-dailyBriefing').click();
    await page.locator('[data-testid="status-phone"][data-unsent="1"]').waitFor();
    if (place === 'another page') await goTo(page, 'Preferences');
    const signOutPage = place === 'another tab' ? (await openTab(context, server.url)).page : page;
    if (place === 'another tab') await waitForState(signOutPage, 'live');
    await signOutPage.getByTestId('sign-out').click();
    await signOutPage.getByRole('dialog').filter({ hasText: '1 change has not reached the server' }).waitFor();
    await signOutPage.getByTestId('sign-out-anyway').click();
    for (const each of [page, signOutPage]) await each.getByTestId('credentials-form').waitFor();
    const names = await databaseNames(page);
    expect(names.length === 0, `after a sign-out from ${place}, databases left: ${names.join(', ')}`);
    await waitForEmptyStorage(page, `after a sign-out from ${place}`);
  }
}
