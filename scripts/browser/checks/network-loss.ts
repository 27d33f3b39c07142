/** What goes wrong between a page and the server while it is live, and what the page says meanwhile. */
import type { BrowserContext, Page } from 'playwright-core';
import { openLine } from '../../e2e/testing/severable-proxy.ts';
import {
  addWord,
  choose,
  eventually,
  expect,
  toggle,
  waitForState,
  waitForValue,
  type Kit,
} from '../testing/harness.ts';
import { expectStates, watchStates } from '../testing/expect-states.ts';

/** Access tokens that live for this many seconds, in place of a quarter of an hour. */
const SHORT = 2;

interface SessionAnswer {
  readonly username: string;
}

/** Tokens run out under a live sync, again and again: nobody notices, and changes go on in both directions. */
export async function tokensRunOut({ newUser, server }: Kit): Promise<string> {
  const person = await newUser();
  let given = 0;
  const shorten = (context: BrowserContext): Promise<unknown> =>
    context.route(/\/api\/auth\/(register|refresh)$/, async (route) => {
      const response = await route.fetch();
      const session = (await response.json()) as SessionAnswer;
      given += 1;
      await route.fulfill({
        response,
        json: { ...session, accessToken: server.token(session.username, SHORT) },
      });
    });
  const { page } = await person.openBrowser({ setUp: shorten });
  const other = await person.openBrowser();
  let refused = 0;
  page.on('response', (response) => {
    if (response.url().includes('/sync/') && response.status() === 401) refused += 1;
  });
  const states = await watchStates(page);
  const before = given;
  await eventually(
    () => given >= before + 2 && refused > 0,
    () => `${given - before} tokens were renewed, and ${refused} requests were refused`,
  );
  await choose(other.page, 'theme', 'dark');
  await waitForValue(page, 'theme', 'dark');
  await toggle(page, 'dailyRecap');
  await waitForValue(other.page, 'dailyRecap', true);
  await waitForState(page, 'live', 0);
  expectStates(await states(), /^live( catching-up live)*$/);
  return `${given - before} tokens renewed`;
}

/** The network falls silent without a word: the page finds out, says so, and goes on once there is another. */
export async function networkHangs({ newUser, server }: Kit): Promise<string> {
  const person = await newUser();
  const line = await openLine(server.url);
  try {
    const { page } = await person.openBrowser({
      url: line.url,
      setUp: (context) => context.clock.install(),
    });
    const other = await person.openBrowser();
    const states = await watchStates(page);
    line.stall();
    await addWord(page, 'selectedTags', 'written-in-silence');
    await choose(other.page, 'theme', 'dark');
    // Half a minute goes by in the page, which is longer than a server may be silent.
    await pass(page);
    await waitForState(page, 'offline', 1);
    line.clear();
    await pass(page);
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

const pass = (page: Page): Promise<void> => page.clock.fastForward(30_000);

/** The session is ended from elsewhere while the page is live: it says so, and keeps what there is and what is added. */
export async function sessionEndedWhileLive({ newUser }: Kit): Promise<string> {
  const person = await newUser();
  const [left, right] = [await person.openBrowser(), await person.openBrowser()];
  await choose(right.page, 'theme', 'dark');
  await waitForState(right.page, 'live', 0);
  const states = await watchStates(right.page);
  const ended = await left.page.evaluate(async () => {
    const answer = await fetch('/api/auth/refresh', { method: 'POST' });
    const { accessToken } = (await answer.json()) as { accessToken: string };
    const headers = { authorization: `Bearer ${accessToken}` };
    return (await fetch('/api/auth/sessions', { method: 'DELETE', headers })).ok;
  });
  expect(ended, 'the other sessions could not be ended');
  await waitForState(right.page, 'sign-in-needed', 0);
  await addWord(right.page, 'selectedTags', 'kept');
  await waitForState(right.page, 'sign-in-needed', 1);
  const told = expectStates(await states(), /^live( catching-up)? sign-in-needed$/);
  await right.page.reload();
  await waitForState(right.page, 'sign-in-needed', 1);
  await waitForValue(right.page, 'theme', 'dark');
  await waitForValue(right.page, 'selectedTags', ['kept']);
  await right.page.getByTestId('sign-in-again').getByTestId('password').fill('a password for tests');
  await right.page.getByTestId('sign-in-again').getByTestId('submit').click();
  await waitForState(right.page, 'live', 0);
  await waitForValue(left.page, 'selectedTags', ['kept']);
  return told;
}
