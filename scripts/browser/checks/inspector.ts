/** The inspector shows the actual state and updates live. */
import { choose, expect, goTo, openTab, toggle, waitForState, type Harness } from '../testing/harness.ts';

export async function inspectorIsLive({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const firstTab = await user.openBrowser();
  const other = await user.openBrowser();
  const { page, context } = firstTab;
  await goTo(page, 'Inspector');
  await page.locator('[data-testid="inspector"][data-leader="true"]').waitFor();
  const tab = await openTab(context, `${server.url}/inspector`);
  await tab.page.locator('[data-testid="inspector"][data-leader="false"]').waitFor();

  // Both tabs attribute an edit of another device to that device.
  await choose(other.page, 'viewMode', 'graph');
  for (const each of [page, tab.page]) {
    const stampLine = each.getByTestId('leaf').locator('li', { hasText: 'Default view' });
    await stampLine.waitFor();
    expect(
      !(await stampLine.innerText()).includes('this device'),
      'another device’s edit is attributed to this device',
    );
  }

  // An edit of this device is first unsent and then in the leaf.
  await goTo(tab.page, 'Preferences');
  await context.setOffline(true);
  await waitForState(page, 'offline');
  await toggle(tab.page, 'dailyRecap');
  await page.getByTestId('unsent-edits').filter({ hasText: 'Daily recap on' }).waitFor();
  await context.setOffline(false);
  await waitForState(page, 'live', 0);
  await page.getByTestId('unsent-edits').waitFor({ state: 'detached' });
  await page.getByTestId('leaf').locator('li', { hasText: 'Daily recap' }).filter({ hasText: 'this device' }).waitFor();
}

export async function snapshotIsCopied({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const { page, context } = await user.openBrowser();
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
  await goTo(page, 'Inspector');
  await page.getByTestId('copy-snapshot').click();
  await page.getByText('Copied').waitFor();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as {
    readonly documentId?: unknown;
    readonly leaves?: readonly unknown[];
  };
  expect(copied.documentId === `user_${user.username}`, `the copied snapshot is of ${String(copied.documentId)}`);
  expect(copied.leaves?.length === 1, 'the copied snapshot lacks the document’s leaf');
}
