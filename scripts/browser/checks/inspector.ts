/** The inspector shows what is so, and changes by itself. */
import { choose, expect, goTo, openTab, toggle, waitForState, type Harness } from '../testing/harness.ts';

export async function inspectorIsLive({ createUser, server }: Harness): Promise<void> {
  const person = await createUser();
  const firstTab = await person.openBrowser();
  const other = await person.openBrowser();
  const { page, context } = firstTab;
  await goTo(page, 'Inspector');
  await page.locator('[data-testid="inspector"][data-leader="true"]').waitFor();
  const tab = await openTab(context, `${server.url}/inspector`);
  await tab.page.locator('[data-testid="inspector"][data-leader="false"]').waitFor();

  // An edit of another device, seen as such, in both tabs.
  await choose(other.page, 'viewMode', 'graph');
  for (const each of [page, tab.page]) {
    const line = each.getByTestId('leaf').locator('li', { hasText: 'Default view' });
    await line.waitFor();
    expect(!(await line.innerText()).includes('this device'), 'another device’s edit is told as one of this');
  }

  // One of this device, first unsent and then in the leaf.
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
  const person = await createUser();
  const { page, context } = await person.openBrowser();
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
  await goTo(page, 'Inspector');
  await page.getByTestId('copy-snapshot').click();
  await page.getByText('Copied').waitFor();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as {
    readonly documentId?: unknown;
    readonly leaves?: readonly unknown[];
  };
  expect(copied.documentId === `user_${person.username}`, `what was copied is of ${String(copied.documentId)}`);
  expect(copied.leaves?.length === 1, 'what was copied does not have the document’s leaf');
}
