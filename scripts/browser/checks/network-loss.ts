/** Failures between a live page and the server, and the status that the page shows during them. */
import type { BrowserContext, Page } from 'playwright-core';
import { startFaultyProxy } from '../../e2e/testing/faulty-proxy.ts';
import { startSeverableProxy } from '../../e2e/testing/severable-proxy.ts';
import {
  addTag,
  choose,
  eventually,
  expect,
  toggle,
  waitForState,
  waitForValue,
  type Harness,
} from '../testing/harness.ts';
import { expectStates, recordStates } from '../testing/expect-states.ts';

/** The lifetime of access tokens, in place of 15 minutes. */
const SHORT_TOKEN_SECONDS = 2;

interface SessionResponse {
  readonly username: string;
}

/** Tokens expire repeatedly during a live sync. The user does not notice, and changes flow in both directions. */
export async function tokensRunOut({ createUser, server }: Harness): Promise<string> {
  const user = await createUser();
  let issuedTokens = 0;
  const shorten = (context: BrowserContext): Promise<unknown> =>
    context.route(/\/api\/auth\/(register|refresh)$/, async (route) => {
      const response = await route.fetch();
      const session = (await response.json()) as SessionResponse;
      issuedTokens += 1;
      await route.fulfill({
        response,
        json: { ...session, accessToken: server.token(session.username, SHORT_TOKEN_SECONDS) },
      });
    });
  const { page } = await user.openBrowser({ setUp: shorten });
  const other = await user.openBrowser();
  let rejectedRequests = 0;
  page.on('response', (response) => {
    if (response.url().includes('/sync/') && response.status() === 401) rejectedRequests += 1;
  });
  const states = await recordStates(page);
  const before = issuedTokens;
  await eventually(
    () => issuedTokens >= before + 2 && rejectedRequests > 0,
    () => `${issuedTokens - before} tokens were renewed, and ${rejectedRequests} requests were rejected`,
  );
  await choose(other.page, 'theme', 'dark');
  await waitForValue(page, 'theme', 'dark');
  await toggle(page, 'dailyRecap');
  await waitForValue(other.page, 'dailyRecap', true);
  await waitForState(page, 'live', 0);
  expectStates(await states(), /^live( catching-up live)*$/);
  return `${issuedTokens - before} tokens renewed`;
}

/** The network hangs without an error. The page detects that, shows it, and continues on a new connection. */
export async function networkHangs({ createUser, server }: Harness): Promise<string> {
  const user = await createUser();
  const proxy = await startSeverableProxy(server.url);
  try {
    const { page } = await user.openBrowser({
      url: proxy.url,
      setUp: (context) => context.clock.install(),
    });
    const other = await user.openBrowser();
    const states = await recordStates(page);
    proxy.stall();
    await addTag(page, 'selectedTags', 'written-while-hanging');
    await choose(other.page, 'theme', 'dark');
    // Half a minute passes in the page, more than the 25 seconds that the server may be silent.
    await advanceClock(page);
    await waitForState(page, 'offline', 1);
    proxy.acceptNewConnections();
    await advanceClock(page);
    await waitForState(page, 'live', 0);
    await waitForValue(page, 'theme', 'dark');
    await waitForValue(other.page, 'selectedTags', ['written-while-hanging']);
    return expectStates(
      await states(),
      /^live( catching-up)?( offline| catching-up)* offline( catching-up| offline)* live$/,
    );
  } finally {
    await proxy.close();
  }
}

/** A captive portal responds in the server's place, first with its page, then with a redirect. The page says so. */
export async function portalIsNamed({ createUser, server }: Harness): Promise<string> {
  const user = await createUser();
  const proxy = await startFaultyProxy(server.url);
  try {
    const { page } = await user.openBrowser({ url: proxy.url });
    const body = '<!doctype html><title>Welcome</title>';
    const respond = (status: number, headers: Record<string, string>): void =>
      proxy.setFault(({ endpoint }) =>
        endpoint.startsWith('_') ? { kind: 'respond', status, headers, body } : undefined,
      );
    const notice = page.getByTestId('notice-reason');
    const waitForNotice = (reason: string): Promise<void> =>
      page.locator(`[data-testid=notice-reason][data-reason=${reason}]`).waitFor();
    respond(200, { 'content-type': 'text/html' });
    await choose(page, 'theme', 'dark');
    await waitForNotice('html-page');
    const text = (await notice.textContent()) ?? '';
    await page.getByTestId('status').click();
    await page.getByTestId('status-details').getByText(text).waitFor();
    respond(302, { location: '/sign-in' });
    await waitForNotice('redirected');
    proxy.setFault(undefined);
    await waitForState(page, 'live', 0);
    expect((await notice.count()) === 0, 'the notice is still shown');
    return text;
  } finally {
    await proxy.close();
  }
}

const advanceClock = (page: Page): Promise<void> => page.clock.fastForward(30_000);

/** Another device ends the session while the page is live. The page shows that, and keeps old and new edits. */
export async function sessionEndedWhileLive({ createUser }: Harness): Promise<string> {
  const user = await createUser();
  const [left, right] = [await user.openBrowser(), await user.openBrowser()];
  await choose(right.page, 'theme', 'dark');
  await waitForState(right.page, 'live', 0);
  const states = await recordStates(right.page);
  const isEnded = await left.page.evaluate(async () => {
    const response = await fetch('/api/auth/refresh', { method: 'POST' });
    const { accessToken } = (await response.json()) as { accessToken: string };
    const headers = { authorization: `Bearer ${accessToken}` };
    return (await fetch('/api/auth/sessions', { method: 'DELETE', headers })).ok;
  });
  expect(isEnded, 'the other sessions could not be ended');
  await waitForState(right.page, 'sign-in-needed', 0);
  await addTag(right.page, 'selectedTags', 'kept');
  await waitForState(right.page, 'sign-in-needed', 1);
  const sequence = expectStates(await states(), /^live( catching-up)? sign-in-needed$/);
  await right.page.reload();
  await waitForState(right.page, 'sign-in-needed', 1);
  await waitForValue(right.page, 'theme', 'dark');
  await waitForValue(right.page, 'selectedTags', ['kept']);
  await right.page.getByTestId('sign-in-again').getByTestId('password').fill('a password for tests');
  await right.page.getByTestId('sign-in-again').getByTestId('submit').click();
  await waitForState(right.page, 'live', 0);
  await waitForValue(left.page, 'selectedTags', ['kept']);
  return sequence;
}
