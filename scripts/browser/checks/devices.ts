/** The signed-in devices: seen, ended one by one and all at once, and what is said when the list cannot be had. */
import { expect, goTo, openTab, waitForState, type Harness } from '../testing/harness.ts';

export async function devicesAreSignedOut({ createUser }: Harness): Promise<void> {
  const person = await createUser();
  const here = await person.openBrowser();
  const others = [await person.openBrowser(), await person.openBrowser()];
  const { page } = here;
  await goTo(page, 'Devices');
  await page.getByTestId('device').nth(2).waitFor();
  expect((await page.getByText('This device').count()) === 1, 'not exactly one of them is this device');

  await page.getByTestId('sign-out-device').first().click();
  await page.getByTestId('devices-message').filter({ hasText: 'is signed out' }).waitFor();
  await page.getByTestId('device').nth(2).waitFor({ state: 'detached' });

  // Asked first: a no is a no.
  await page.getByTestId('sign-out-others').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect((await page.getByTestId('device').count()) === 2, 'devices were ended though it was cancelled');
  await page.getByTestId('sign-out-others').click();
  await page.getByTestId('sign-out-others-confirm').click();
  await page.getByTestId('devices-message').filter({ hasText: 'All other devices' }).waitFor();
  await page.getByTestId('device').nth(1).waitFor({ state: 'detached' });
  for (const tab of others) await waitForState(tab.page, 'sign-in-needed');
  await waitForState(page, 'live');
}

export async function devicesWithoutAServer({ createUser, server }: Harness): Promise<void> {
  const person = await createUser();
  const { context } = await person.openBrowser();
  const pattern = '**/api/auth/sessions';
  await context.route(pattern, (route) => route.fulfill({ status: 500, json: { error: 'x', reason: 'It broke.' } }));
  const { page } = await openTab(context, `${server.url}/devices`);
  await page.getByRole('alert').filter({ hasText: 'It broke.' }).waitFor();
  await context.unroute(pattern);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByTestId('device').first().waitFor();

  await context.setOffline(true);
  await page.getByText('You are offline').waitFor();
  expect((await page.getByTestId('device').count()) === 0, 'a list that may be wrong is shown');
  await context.setOffline(false);
  await page.getByTestId('device').first().waitFor();
}
