/** Changes reach the other pages of their user at once, and no other user. */
import { measureClick } from '../testing/click-latency.ts';
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

const ROUNDS = 20;

export async function twoBrowsersAndTwoTabs({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const left = await user.openBrowser();
  const right = await user.openBrowser();
  const tab = await openTab(left.context, server.url);
  await waitForState(tab.page, 'live');

  await choose(left.page, 'theme', 'dark');
  for (const { page } of [left, right, tab])
    await page.locator('html[data-theme="dark"]').waitFor({ state: 'attached' });
  await addTag(right.page, 'selectedTags', 'home');
  for (const { page } of [left, right, tab]) await waitForValue(page, 'selectedTags', ['home']);
  await toggle(tab.page, 'dailyBriefing');
  for (const { page } of [left, right, tab]) await waitForValue(page, 'dailyBriefing', true);
  for (const { page, errors } of [left, right, tab]) {
    await waitForState(page, 'live', 0);
    expect(errors.length === 0, `console errors: ${errors.join('; ')}`);
  }
}

export async function aSecondUserSeesNothing({ createUser }: Harness): Promise<void> {
  const alice = await createUser();
  const bob = await createUser();
  const first = await alice.openBrowser();
  const second = await bob.openBrowser();
  const secret = 'only-of-the-first';
  const responseBodies: string[] = [];
  second.page.on('response', (response) => {
    response.text().then(
      (text) => responseBodies.push(text),
      () => undefined,
    );
  });
  await addTag(first.page, 'selectedTags', secret);
  await waitForState(first.page, 'live', 0);
  await choose(second.page, 'viewMode', 'graph');
  await waitForState(second.page, 'live', 0);
  await second.page.reload();
  await waitForState(second.page, 'live', 0);
  await waitForValue(second.page, 'selectedTags', []);
  const seen = [await second.page.content(), ...responseBodies].join('\n');
  expect(
    !seen.includes(secret) && !seen.includes(`user_${alice.username}`),
    'the second user received data of the first',
  );
  await waitForValue(first.page, 'viewMode', 'kanban');
}

/** Measures the time from a click in one browser to the changed page in another. */
export async function crossBrowserLatency({ createUser }: Harness): Promise<string> {
  const user = await createUser();
  const [left, right] = [await user.openBrowser(), await user.openBrowser()];
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    times.push(await measureClick(left.page, right.page, round % 2 === 0 ? 'table' : 'graph'));
  }
  times.sort((a, b) => a - b);
  const [median, max] = [times[ROUNDS / 2] ?? 0, times.at(-1) ?? 0];
  expect(median < 1_000, `median ${median} ms`);
  return `median ${median} ms, max ${max} ms over ${ROUNDS} changes`;
}
