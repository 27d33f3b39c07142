/** A chat with the bot: it is linked from the page, edits a preference that the page shows, and is unlinked. */
import type { Page } from 'playwright-core';
import type { Person as ChatPartner } from '../../../server/testing/fake-telegram-api.ts';
import { expect, goTo, waitForValue, type Harness } from '../testing/harness.ts';

/** Creates a link on the Devices page. Resolves with its code. */
export async function createLink(page: Page): Promise<string> {
  const shown = page.getByTestId('telegram-code');
  const before = (await shown.count()) === 0 ? '' : await shown.innerText();
  await page.getByTestId('telegram-create-link').click();
  await shown.filter({ hasNotText: before === '' ? /^$/ : before }).waitFor();
  return (await shown.innerText()).replace('/start ', '');
}

/** Links a chat with the code that the page shows. */
export async function linkChat(page: Page, partner: ChatPartner): Promise<void> {
  await partner.sendMessage(`/start ${await createLink(page)}`);
  await page.getByTestId('telegram-chat').waitFor();
}

export async function chatIsLinkedAndEdits({ createUser, telegram }: Harness): Promise<void> {
  const user = await createUser();
  const { page } = await user.openBrowser();
  const partner = telegram.createPerson('Ada', 'ada');
  await goTo(page, 'Devices');
  const code = await createLink(page);
  const link = page.getByRole('link', { name: 'Open Telegram' });
  expect(
    (await link.getAttribute('href')) === `https://t.me/pouchgate_test_bot?start=${code}`,
    'the link does not have the code',
  );
  await page.getByText('Valid once, for 10 more minutes.').waitFor();

  expect(String((await partner.sendMessage(`/start ${code}`)).text).includes(user.username), 'the chat was not linked');
  await page.getByTestId('telegram-chat').filter({ hasText: '@ada' }).waitFor();
  await page.getByTestId('telegram-message').filter({ hasText: 'Ada is linked.' }).waitFor();
  expect((await page.getByTestId('telegram-offer').count()) === 0, 'a used link is still shown');

  await goTo(page, 'Preferences');
  await partner.sendMessage('/view graph');
  await waitForValue(page, 'viewMode', 'graph');

  await goTo(page, 'Devices');
  await page.getByRole('button', { name: 'Unlink Ada' }).click();
  await page.getByTestId('telegram-message').filter({ hasText: 'Ada is unlinked.' }).waitFor();
  expect((await page.getByTestId('telegram-chat').count()) === 0, 'the chat is still listed');
  expect(String((await partner.sendMessage('/view table')).text).includes('not linked'), 'the chat can still edit');
}
