/** The page itself: its content security policy, keyboard control, and errors at sign-in. */
import type { Page } from 'playwright-core';
import {
  addTag,
  eventually,
  expect,
  goTo,
  openTab,
  toggle,
  waitForState,
  waitForValue,
  type Harness,
} from '../testing/harness.ts';

const UNTRUSTED = ['html', 'script', 'worker', 'other-policy', 'second-policy'] as const;

interface TrustedTypes {
  createPolicy(name: string, rules: object): unknown;
}

/** Text becomes neither HTML nor the URL of a script, except through the page's own policy, of which there is one. */
async function expectTrustedTypes(page: Page): Promise<void> {
  await eventually(
    () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration()) !== undefined),
    () => 'the page’s own policy does not register the service worker',
  );
  for (const attempt of UNTRUSTED) {
    const isRejected = await page.evaluate((name) => {
      const { trustedTypes } = globalThis as unknown as { trustedTypes: TrustedTypes };
      try {
        if (name === 'html') document.createElement('div').innerHTML = '<b>text</b>';
        if (name === 'script') document.createElement('script').src = '/theme.js';
        if (name === 'worker') new Worker('/theme.js');
        if (name === 'other-policy') trustedTypes.createPolicy('other', {});
        if (name === 'second-policy') trustedTypes.createPolicy('pouchgate', {});
        return false;
      } catch (error) {
        return error instanceof TypeError;
      }
    }, attempt);
    expect(isRejected, `Trusted Types do not reject: ${attempt}`);
  }
}

export async function noConsoleErrors({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const firstTab = await user.openBrowser();
  const tab = await openTab(firstTab.context, server.url);
  const response = await firstTab.page.reload();
  const policy = response?.headers()['content-security-policy'] ?? '';
  expect(policy.includes("default-src 'self'") && !policy.includes('unsafe'), `the policy is: ${policy}`);
  // Each rejection is an error on the console, so these are in a tab of their own.
  await expectTrustedTypes((await openTab(firstTab.context, server.url)).page);
  await waitForState(firstTab.page, 'live');
  await toggle(firstTab.page, 'dailyBriefing');
  await addTag(firstTab.page, 'tableColumns', 'Due');
  await firstTab.page.getByTestId('time-briefingTime').fill('06:45');
  await waitForValue(tab.page, 'briefingTime', '06:45');
  await firstTab.page.getByTestId('timezone').selectOption('Europe/Vienna');
  await firstTab.page.getByTestId('preset-name').fill('Everything');
  await firstTab.page.getByTestId('preset-save').click();
  await tab.page.getByTestId('preset').waitFor();
  await waitForState(firstTab.page, 'live', 0);
  await goTo(firstTab.page, 'Devices');
  await firstTab.page.getByTestId('device').first().waitFor();
  await goTo(firstTab.page, 'Inspector');
  await firstTab.page.getByTestId('leaf').first().waitFor();
  await goTo(firstTab.page, 'Two devices');
  for (const device of ['laptop', 'phone']) {
    await firstTab.page.locator(`[data-testid="status-${device}"][data-state="live"]`).waitFor();
  }
  const errors = [...firstTab.errors, ...tab.errors];
  expect(errors.length === 0, `console errors: ${errors.join('; ')}`);
}

/** Every control has an accessible name, and choices and switches work by keyboard. */
export async function keyboardAlone({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const { page } = await user.openBrowser();
  const unnamed = await page.locator('main :is(button, input, select), header :is(button, a)').evaluateAll((controls) =>
    controls
      .filter((control) => {
        const labels =
          control instanceof HTMLInputElement || control instanceof HTMLSelectElement ? control.labels : null;
        const name = control.getAttribute('aria-label') ?? control.textContent;
        return !(control as HTMLElement).hidden && (labels?.length ?? 0) === 0 && name.trim() === '';
      })
      .map((control) => control.outerHTML),
  );
  expect(unnamed.length === 0, `controls without a name: ${unnamed.join(' ')}`);
  await page.getByTestId('choice-theme-system').focus();
  await page.keyboard.press('ArrowLeft');
  await waitForValue(page, 'theme', 'dark');
  await page.getByTestId('switch-dailyRecap').focus();
  await page.keyboard.press('Space');
  await waitForValue(page, 'dailyRecap', true);
}

/** A wrong password is reported in a sentence, and nothing is stored. */
export async function wrongPassword({ createUser, browser, server }: Harness): Promise<void> {
  const user = await createUser();
  await user.openBrowser();
  const { page, context } = await openTab(await browser.newContext(), server.url);
  await page.getByTestId('username').fill(user.username);
  await page.getByTestId('password').fill('not the password');
  await page.getByTestId('submit').click();
  await page
    .getByTestId('form-error')
    .filter({ hasText: /\w+ \w+.*\.$/ })
    .waitFor();
  expect((await context.cookies()).length === 0, 'a cookie was set');
  expect((await page.evaluate(() => localStorage.length)) <= 1, 'something was stored');
}
