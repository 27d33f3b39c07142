/** What goes wrong between a page and the server while it is live, and what the page says meanwhile. */
import type { BrowserContext, Page } from 'playwright-core';
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

/** Access tokens that live for this many seconds, in place of a quarter of an hour. */
const SHORT_TOKEN_SECONDS = 2;

interface SessionResponse {
  readonly username: string;
}

/** Tokens run out under a live sync, again and again: nobody notices, and changes go on in both directions. */
export async function tokensRunOut({ createUser, server }: Harness): Promise<string> {
  const person = await createUser();
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
  const { page } = await person.openBrowser({ setUp: shorten });
  const other = await person.openBrowser();
  let rejectedRequests = 0;
  page.on('response', (response) => {
    if (response.url().includes('/sync/') && response.status() === 401) rejectedRequests += 1;
  });
  const states = await recordStates(page);
  const before = issuedTokens;
  await eventually(
    () => issuedTokens >= before + 2 && rejectedRequests > 0,
    () => `${issuedTokens - before} tokens were renewed, and ${rejectedRequests} requests were refused`,
  );
  await choose(other.page, 'theme', 'dark');
  await waitForValue(page, 'theme', 'dark');
  await toggle(page, 'dailyRecap');
  await waitForValue(other.page, 'dailyRecap', true);
  await waitForState(page, 'live', 0);
  expectStates(await states(), /^live( catching-up live)*$/);
  return `${issuedTokens - before} tokens renewed`;
}

/** The network falls silent without a word: the page finds out, says so, and goes on once there is another. */
export async function networkHangs({ createUser, server }: Harness): Promise<string> {
  const person = await createUser();
  const line = await startSeverableProxy(server.url);
  try {
    const { page } = await person.openBrowser({
      url: line.url,
      setUp: (context) => context.clock.install(),
    });
    const other = await person.openBrowser();
    const states = await recordStates(page);
    line.stall();
    await addTag(page, 'selectedTags', 'written-in-silence');
    await choose(other.page, 'theme', 'dark');
    // Half a minute goes by in the page, which is longer than a server may be silent.
    await advanceClock(page);
    await waitForState(page, 'offline', 1);
    line.acceptNewConnections();
    await advanceClock(page);
    await waitForState(page, 'live', 0);
    await waitForValue(page, 'theme', 'dark');
    await waitForValue(other.page, 'selectedTags', ['written-in-silence']);
    return expectStates(
      await states(),
      /^live( catching-up)?( offline| catching-up)* offline( catching-up| offline)* live$/,
    );
  } finally {
    await line.close();
  }
}

const advanceClock = (page: Page): Promise<void> => page.clock.fastForward(30_000);

/** The session is ended from elsewhere while the page is live: it says so, and keeps what there is and what is added. */
export async function sessionEndedWhileLive({ createUser }: Harness): Promise<string> {
  const person = await createUser();
  const [left, right] = [await person.openBrowser(), await person.openBrowser()];
  await choose(right.page, 'theme', 'dark');
  await waitForState(right.page, 'live', 0);
  const states = await recordStates(right.page);
  const ended = await left.page.evaluate(async () => {
    const response = await fetch('/api/auth/refresh', { method: 'POST' });
    const { accessToken } = (await response.json()) as { accessToken: string };
    const headers = { authorization: `Bearer ${accessToken}` };
    return (await fetch('/api/auth/sessions', { method: 'DELETE', headers })).ok;
  });
  expect(ended, 'the other sessions could not be ended');
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
