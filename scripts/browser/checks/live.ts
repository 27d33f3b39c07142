/** Changes go from one page to the others at once, and to nobody else. */
import { addWord, choose, expect, openTab, toggle, waitForState, waitForValue, type Kit } from '../testing/harness.ts';

const ROUNDS = 20;

export async function twoBrowsersAndTwoTabs({ newUser, server }: Kit): Promise<void> {
  const person = await newUser();
  const left = await person.openBrowser();
  const right = await person.openBrowser();
  const tab = await openTab(left.context, server.url);
  await waitForState(tab.page, 'live');

  await choose(left.page, 'theme', 'dark');
  for (const { page } of [left, right, tab])
    await page.locator('html[data-theme="dark"]').waitFor({ state: 'attached' });
  await addWord(right.page, 'selectedTags', 'home');
  for (const { page } of [left, right, tab]) await waitForValue(page, 'selectedTags', ['home']);
  await toggle(tab.page, 'dailyBriefing');
  for (const { page } of [left, right, tab]) await waitForValue(page, 'dailyBriefing', true);
  for (const { page, errors } of [left, right, tab]) {
    await waitForState(page, 'live', 0);
    expect(errors.length === 0, `console errors: ${errors.join('; ')}`);
  }
}

export async function aSecondUserSeesNothing({ newUser }: Kit): Promise<void> {
  const alice = await newUser();
  const bob = await newUser();
  const first = await alice.openBrowser();
  const second = await bob.openBrowser();
  const secret = 'only-of-the-first';
  const heard: string[] = [];
  second.page.on('response', (response) => {
    response.text().then(
      (text) => heard.push(text),
      () => undefined,
    );
  });
  await addWord(first.page, 'selectedTags', secret);
  await waitForState(first.page, 'live', 0);
  await choose(second.page, 'viewMode', 'graph');
  await waitForState(second.page, 'live', 0);
  await second.page.reload();
  await waitForState(second.page, 'live', 0);
  await waitForValue(second.page, 'selectedTags', []);
  const seen = [await second.page.content(), ...heard].join('\n');
  expect(
    !seen.includes(secret) && !seen.includes(`user_${alice.username}`),
    'the second user was sent something of the first',
  );
  await waitForValue(first.page, 'viewMode', 'kanban');
}

/** From the click in one browser to the changed page in the other. */
export async function timeToTheOtherBrowser({ newUser }: Kit): Promise<string> {
  const person = await newUser();
  const [left, right] = [await person.openBrowser(), await person.openBrowser()];
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const value = round % 2 === 0 ? 'table' : 'graph';
    // Both pages read one clock, the machine's: the moment is taken where it happens.
    await right.page.evaluate((wanted) => {
      const changed = new Promise<number>((resolve) => {
        const row = document.querySelector('[data-testid="pref-viewMode"]');
        if (row === null) return;
        new MutationObserver(() => {
          if (row.getAttribute('data-value') === JSON.stringify(wanted)) resolve(Date.now());
        }).observe(row, { attributes: true });
      });
      Reflect.set(globalThis, 'changed', changed);
    }, value);
    const clicked = await left.page.getByTestId(`choice-viewMode-${value}`).evaluate((input) => {
      const now = Date.now();
      (input as HTMLInputElement).click();
      return now;
    });
    const changed = await right.page.evaluate(() => Reflect.get(globalThis, 'changed') as Promise<number>);
    times.push(changed - clicked);
    await waitForState(left.page, 'live', 0);
  }
  times.sort((a, b) => a - b);
  const [median, most] = [times[ROUNDS / 2] ?? 0, times.at(-1) ?? 0];
  expect(median < 1_000, `median ${median} ms`);
  return `median ${median} ms, max ${most} ms over ${ROUNDS} changes`;
}
