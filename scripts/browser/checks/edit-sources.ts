/** Measures how soon an open page shows a change that was made by another interface, without a reload. */
import type { Page } from 'playwright-core';
import { runUsersCommand } from '../../../server/testing/run-users-command.ts';
import { expect, goTo, waitForValue, type Harness } from '../testing/harness.ts';
import { linkChat } from './telegram.ts';

const ROUNDS = 20;

type Theme = 'dark' | 'light';

/** Returns the ms from just before `change` until the page shows the theme. */
async function measureUpdate(page: Page, theme: Theme, change: () => Promise<unknown>): Promise<number> {
  await page.evaluate((value) => {
    const seen = new Promise<number>((resolve) => {
      new MutationObserver((_changes, observer) => {
        const shown = document.querySelector('[data-testid="pref-theme"]')?.getAttribute('data-value');
        if (shown !== JSON.stringify(value)) return;
        observer.disconnect();
        resolve(Date.now());
      }).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    Reflect.set(globalThis, 'themeSeen', seen);
  }, theme);
  const startedAt = Date.now();
  const [at] = await Promise.all([
    page.evaluate(() => Reflect.get(globalThis, 'themeSeen') as Promise<number>),
    change(),
  ]);
  return at - startedAt;
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

export async function otherEditSourcesAreShown({ createUser, server, telegram }: Harness): Promise<string> {
  const user = await createUser();
  const { page } = await user.openBrowser();
  const partner = telegram.createPerson('Ada', 'ada');
  await goTo(page, 'Devices');
  await linkChat(page, partner);
  await goTo(page, 'Preferences');
  const loaded = await page.evaluate(() => performance.timeOrigin);
  const headers = {
    authorization: `Bearer ${server.token(user.username)}`,
    'content-type': 'application/merge-patch+json',
  };
  const sources: Readonly<Record<string, (theme: Theme) => Promise<unknown>>> = {
    REST: (theme) =>
      fetch(`${server.url}/api/users/preferences`, { method: 'PATCH', headers, body: JSON.stringify({ theme }) }),
    'the bot': (theme) => partner.sendMessage(`/theme ${theme}`),
    'the command line': (theme) => runUsersCommand(server.env(), ['set', user.username, 'theme', theme]),
  };
  const results: string[] = [];
  for (const [source, change] of Object.entries(sources)) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const theme = round % 2 === 0 ? 'dark' : 'light';
      times.push(await measureUpdate(page, theme, () => change(theme)));
    }
    await waitForValue(page, 'theme', 'light');
    results.push(`${source} ${median(times)} ms`);
  }
  expect((await page.evaluate(() => performance.timeOrigin)) === loaded, 'the page was reloaded');
  return `median of ${ROUNDS} each: ${results.join(', ')}`;
}
