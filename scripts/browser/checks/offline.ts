/** Offline, everything keeps working and nothing is lost. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addTag,
  choose,
  expect,
  openTab,
  toggle,
  waitForState,
  waitForValue,
  type Harness,
} from '../testing/harness.ts';
import { expectStates, recordStates } from '../testing/expect-states.ts';

const COLD_START_COUNT = 10;

export async function offlineEditsInBothBrowsers({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const [left, right] = [await user.openBrowser(), await user.openBrowser()];
  await Promise.all([left.context.setOffline(true), right.context.setOffline(true)]);
  await Promise.all([waitForState(left.page, 'offline'), waitForState(right.page, 'offline')]);
  await choose(left.page, 'theme', 'dark');
  await toggle(left.page, 'dailyRecap');
  await choose(right.page, 'viewMode', 'graph');
  await addTag(right.page, 'selectedTags', 'garden');
  await waitForState(left.page, 'offline', 2);
  await waitForState(right.page, 'offline', 2);
  const text = await left.page.getByTestId('status').innerText();
  expect(text === 'Offline: 2 changes waiting', `the pill shows: ${text}`);
  await Promise.all([left.context.setOffline(false), right.context.setOffline(false)]);
  for (const { page } of [left, right]) {
    await waitForValue(page, 'theme', 'dark');
    await waitForValue(page, 'dailyRecap', true);
    await waitForValue(page, 'viewMode', 'graph');
    await waitForValue(page, 'selectedTags', ['garden']);
    await waitForState(page, 'live', 0);
  }
}

export async function reloadWithoutNetwork({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const [left, right] = [await user.openBrowser(), await user.openBrowser()];
  await choose(left.page, 'viewMode', 'table');
  await waitForState(left.page, 'live', 0);
  await left.page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await left.context.setOffline(true);
  await left.page.reload();
  await waitForValue(left.page, 'viewMode', 'table');
  await waitForState(left.page, 'offline', 0);
  // In one turn of the event loop: the reload aborts the write that the click has started.
  await left.page.getByTestId('switch-dailyBriefing').evaluate((control: HTMLElement) => {
    control.click();
    location.reload();
  });
  await waitForValue(left.page, 'dailyBriefing', true);
  await waitForState(left.page, 'offline', 1);
  await left.context.setOffline(false);
  await waitForValue(right.page, 'dailyBriefing', true);
  await waitForState(left.page, 'live', 0);
}

export async function serverRestart({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const [left, right] = [await user.openBrowser(), await user.openBrowser()];
  const loadTimes = await Promise.all([left, right].map(({ page }) => page.evaluate(() => performance.timeOrigin)));
  const states = await recordStates(left.page);
  await server.stop();
  await Promise.all([waitForState(left.page, 'offline'), waitForState(right.page, 'offline')]);
  await toggle(left.page, 'activitySidebarOpen');
  const restartedAt = Date.now();
  await server.start();
  await waitForValue(right.page, 'activitySidebarOpen', false);
  await waitForState(left.page, 'live', 0);
  await choose(right.page, 'theme', 'light');
  await waitForValue(left.page, 'theme', 'light');
  const after = await Promise.all([left, right].map(({ page }) => page.evaluate(() => performance.timeOrigin)));
  expect(JSON.stringify(after) === JSON.stringify(loadTimes), 'a page was reloaded');
  const changes = await states();
  expectStates(changes, /^live( offline| catching-up)* offline( catching-up| offline)* live$/);
  expect((changes.at(-1)?.at ?? 0) >= restartedAt, 'the page was live while there was no server');
}

/** The browser is closed twice and started offline, while the server is stopped. */
export async function closedAndStartedOffline({ createUser, server, startBrowser }: Harness): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pouchgate-profile-'));
  let isServerRunning = true;
  try {
    const user = await createUser();
    const first = await startBrowser(folder);
    const { page } = await openTab(first, server.url);
    await user.signIn(page);
    await choose(page, 'theme', 'dark');
    await waitForState(page, 'live', 0);
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    await first.close();
    await server.stop();
    isServerRunning = false;

    const second = await startBrowser(folder);
    await second.setOffline(true);
    const secondTab = await openTab(second, server.url);
    await waitForValue(secondTab.page, 'theme', 'dark');
    await addTag(secondTab.page, 'selectedTags', 'first');
    await waitForState(secondTab.page, 'offline', 1);
    // The tab that makes a change shows it before it is stored. Another tab shows only what is stored.
    const otherTab = await openTab(second, server.url);
    await waitForValue(otherTab.page, 'selectedTags', ['first']);
    await second.close();

    const third = await startBrowser(folder);
    await third.setOffline(true);
    const thirdTab = await openTab(third, server.url);
    await waitForValue(thirdTab.page, 'selectedTags', ['first']);
    await waitForState(thirdTab.page, 'offline', 1);
    await choose(thirdTab.page, 'viewMode', 'graph');
    await waitForState(thirdTab.page, 'offline', 2);
    await server.start();
    isServerRunning = true;
    await third.setOffline(false);
    await waitForState(thirdTab.page, 'live', 0);
    const elsewhere = await user.openBrowser();
    await waitForValue(elsewhere.page, 'theme', 'dark');
    await waitForValue(elsewhere.page, 'selectedTags', ['first']);
    await waitForValue(elsewhere.page, 'viewMode', 'graph');
    await third.close();
  } finally {
    if (!isServerRunning) await server.start();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures the time from the start of a navigation to the first preference in the DOM, offline, each in a new tab. */
export async function coldStart({ createUser, server }: Harness): Promise<string> {
  const user = await createUser();
  const firstTab = await user.openBrowser();
  await choose(firstTab.page, 'theme', 'dark');
  await waitForState(firstTab.page, 'live', 0);
  await firstTab.page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await firstTab.context.addInitScript(() => {
    new MutationObserver((_changes, observer) => {
      if (document.querySelector('[data-testid="preferences"][data-ready="true"] [data-testid^="pref-"]') === null)
        return;
      Reflect.set(globalThis, 'firstPreference', performance.now());
      observer.disconnect();
    }).observe(document, { subtree: true, childList: true, attributes: true });
  });
  await firstTab.context.setOffline(true);
  await firstTab.page.close();
  const times: number[] = [];
  while (times.length < COLD_START_COUNT) {
    const { page } = await openTab(firstTab.context, server.url);
    await waitForValue(page, 'theme', 'dark');
    times.push(await page.evaluate(() => Reflect.get(globalThis, 'firstPreference') as number));
    await page.close();
  }
  times.sort((a, b) => a - b);
  const median = Math.round(((times[COLD_START_COUNT / 2 - 1] ?? 0) + (times[COLD_START_COUNT / 2] ?? 0)) / 2);
  return `median ${median} ms of ${COLD_START_COUNT}, max ${Math.round(times.at(-1) ?? 0)} ms`;
}
