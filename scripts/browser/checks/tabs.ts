/** Many tabs of one user in one browser share one connection, which always has a leader. */
import type { Page } from 'playwright-core';
import {
  addTag,
  choose,
  eventually,
  expect,
  openTab,
  toggle,
  waitForState,
  waitForValue,
  type Harness,
  type BrowserTab,
} from '../testing/harness.ts';

const TAB_COUNT = 10;
const ROUNDS = 6;

/** Waits until the server holds this number of longpolls, of all users together. */
const waitForLongpolls = ({ server }: Harness, count: number): Promise<void> =>
  eventually(
    () => server.pouchgate().hub.waiters.longpoll === count,
    () => `the server holds ${server.pouchgate().hub.waiters.longpoll} longpolls, not ${count}`,
  );

/** Returns the time, in ms since 1970, at which the page shows this value. */
const waitUntilShown = (page: Page, value: string): Promise<number> =>
  page.getByTestId('pref-viewMode').evaluate(
    (row, expected) =>
      new Promise<number>((resolve) => {
        if (row.getAttribute('data-value') === JSON.stringify(expected)) resolve(Date.now());
        new MutationObserver(() => {
          if (row.getAttribute('data-value') === JSON.stringify(expected)) resolve(Date.now());
        }).observe(row, { attributes: true });
      }),
    value,
  );

/** Clicks a view, and returns the time of the click in ms since 1970. */
const clickView = (page: Page, value: string): Promise<number> =>
  page.getByTestId(`choice-viewMode-${value}`).evaluate((input) => {
    const now = Date.now();
    (input as HTMLInputElement).click();
    return now;
  });

const summarize = (times: readonly number[]): string => {
  const sorted = [...times].sort((a, b) => a - b);
  return `median ${sorted[Math.floor(sorted.length / 2)] ?? 0} ms, max ${sorted.at(-1) ?? 0} ms`;
};

/** Opens tabs until there are `count`. The existing one is the first, and the leader. */
async function openTabs(firstTab: BrowserTab, url: string, count: number): Promise<readonly Page[]> {
  const newTabs = await Promise.all(Array.from({ length: count - 1 }, () => openTab(firstTab.context, url)));
  const pages = [firstTab.page, ...newTabs.map(({ page }) => page)];
  await Promise.all(pages.map((page) => waitForState(page, 'live', 0)));
  return pages;
}

export async function tenTabsOneConnection(harness: Harness): Promise<string> {
  const user = await harness.createUser();
  const [firstTab, other] = [await user.openBrowser(), await user.openBrowser()];
  const pages = await openTabs(firstTab, harness.server.url, TAB_COUNT);
  await waitForLongpolls(harness, 2);

  const inTabs: number[] = [];
  const elsewhere: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const value = round % 2 === 0 ? 'table' : 'graph';
    const clicking = pages[round % TAB_COUNT] ?? firstTab.page;
    const others = pages.filter((page) => page !== clicking);
    const shown = Promise.all([...others, other.page].map((page) => waitUntilShown(page, value)));
    const clicked = await clickView(clicking, value);
    const times = (await shown).map((time) => time - clicked);
    inTabs.push(...times.slice(0, -1));
    elsewhere.push(...times.slice(-1));
    await waitForState(clicking, 'live', 0);
  }
  await waitForLongpolls(harness, 2);

  await firstTab.page.close();
  await choose(other.page, 'theme', 'dark');
  for (const page of pages.slice(1)) {
    await waitForValue(page, 'theme', 'dark');
    await waitForState(page, 'live', 0);
  }
  await waitForLongpolls(harness, 2);
  return `click to DOM in the other tabs: ${summarize(inTabs)}; in another browser: ${summarize(elsewhere)}`;
}

/** Loses the leader, and checks that another tab takes over. */
async function loseLeader(harness: Harness, lose: (leaderTab: BrowserTab) => Promise<unknown>): Promise<string> {
  const user = await harness.createUser();
  const [leaderTab, other] = [await user.openBrowser(), await user.openBrowser()];
  const [, ...followers] = await openTabs(leaderTab, harness.server.url, 3);
  const startedAt = performance.now();
  await lose(leaderTab);
  await choose(other.page, 'theme', 'dark');
  for (const page of followers) await waitForValue(page, 'theme', 'dark');
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const [follower] = followers;
  if (follower !== undefined) await toggle(follower, 'dailyBriefing');
  await waitForValue(other.page, 'dailyBriefing', true);
  for (const page of followers) await waitForState(page, 'live', 0);
  return `another tab shows the next change after ${seconds} s`;
}

export const leaderCrashes = (harness: Harness): Promise<string> =>
  loseLeader(harness, async ({ context, page }) => {
    const session = await context.newCDPSession(page);
    const crashed = page.waitForEvent('crash');
    // A crashed page does not respond.
    session.send('Page.crash').catch(() => undefined);
    await crashed;
  });

export async function leaderIsFrozen(harness: Harness): Promise<string> {
  let thaw: () => Promise<unknown> = () => Promise.resolve();
  let frozen: Page | undefined;
  const note = await loseLeader(harness, async ({ context, page }) => {
    const session = await context.newCDPSession(page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    frozen = page;
    thaw = () => session.send('Page.setWebLifecycleState', { state: 'active' });
  });
  await thaw();
  if (frozen !== undefined) {
    await waitForValue(frozen, 'theme', 'dark');
    await waitForState(frozen, 'live', 0);
  }
  await waitForLongpolls(harness, 2);
  return note;
}

export async function tabsWithoutLocks(harness: Harness): Promise<string> {
  const user = await harness.createUser();
  const firstTab = await user.openBrowser({
    setUp: (context) => context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'locks')),
  });
  const other = await user.openBrowser();
  const pages = await openTabs(firstTab, harness.server.url, 3);
  expect(await firstTab.page.evaluate(() => !('locks' in navigator)), 'Web Locks are available');
  const tags = ['one', 'two', 'three'];
  const lists = ['selectedTags', 'selectedContexts', 'selectedStatus'] as const;
  await Promise.all(pages.map((page, index) => addTag(page, lists[index] ?? lists[0], tags[index] ?? '')));
  for (const page of [...pages, other.page]) {
    for (const [index, list] of lists.entries()) await waitForValue(page, list, [tags[index]]);
    await waitForState(page, 'live', 0);
  }
  await firstTab.page.close();
  await choose(other.page, 'viewMode', 'table');
  for (const page of pages.slice(1)) await waitForValue(page, 'viewMode', 'table');
  return `${harness.server.pouchgate().hub.waiters.longpoll} longpolls, one for each tab`;
}
