/** The list of signed-in devices: signing them out one by one and all at once, and a list that cannot be loaded. */
import { expect, goTo, openTab, waitForState, type Harness } from '../testing/harness.ts';

export async function devicesAreSignedOut({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const firstTab = await user.openBrowser();
  const others = [await user.openBrowser(), await user.openBrowser()];
  const { page } = firstTab;
  await goTo(page, 'Devices');
  await page.getByTestId('device').nth(2).waitFor();
  expect((await page.getByText('This device').count()) === 1, 'not exactly one of them is marked as this device');

  await page.getByTestId('sign-out-device').first().click();
  await page.getByTestId('devices-message').filter({ hasText: 'is signed out' }).waitFor();
  await page.getByTestId('device').nth(2).waitFor({ state: 'detached' });

  // Cancelling the confirmation signs out no device.
  await page.getByTestId('sign-out-others').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect((await page.getByTestId('device').count()) === 2, 'devices were signed out although it was cancelled');
  await page.getByTestId('sign-out-others').click();
  await page.getByTestId('sign-out-others-confirm').click();
  await page.getByTestId('devices-message').filter({ hasText: 'All other devices' }).waitFor();
  await page.getByTestId('device').nth(1).waitFor({ state: 'detached' });
  for (const tab of others) await waitForState(tab.page, 'sign-in-needed');
  await waitForState(page, 'live');
}

export async function devicesWithoutAServer({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const { context } = await user.openBrowser();
  const pattern = '**/api/auth/sessions';
  await context.route(pattern, (route) => route.fulfill({ status: 500, json: { error: 'x', reason: 'It broke.' } }));
  const { page } = await openTab(context, `${server.url}/devices`);
  await page.getByRole('alert').filter({ hasText: 'It broke.' }).waitFor();
  await context.unroute(pattern);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByTestId('device').first().waitFor();

  await context.setOffline(true);
  await page.getByText('You are offline').waitFor();
  expect((await page.getByTestId('device').count()) === 0, 'a list that may be outdated is shown');
  await context.setOffline(false);
  await page.getByTestId('device').first().waitFor();
}
