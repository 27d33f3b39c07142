/** Stored text that changes the direction of writing, e.g. of another program's REST request, reorders nothing but itself. */
import type { Locator } from 'playwright-core';
import { addTag, expect, type Harness } from '../testing/harness.ts';

/** U+202E overrides the direction of all text until the end of its paragraph, unless it is isolated. */
const OVERRIDE = '\u202e';

/** Resolves with the left edge of a word as the page shows it, in pixels. */
const leftEdge = (element: Locator, word: string): Promise<number> =>
  element.evaluate((root, text) => {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      const start = node.textContent?.indexOf(text) ?? -1;
      if (start < 0) continue;
      const range = document.createRange();
      range.setStart(node, start);
      range.setEnd(node, start + text.length);
      return range.getBoundingClientRect().left;
    }
    throw new Error(`There is no text ${text}.`);
  }, word);

async function expectOrder(element: Locator, first: string, second: string): Promise<void> {
  const [left, right] = [await leftEdge(element, first), await leftEdge(element, second)];
  expect(left < right, `“${first}” is shown to the right of “${second}”`);
}

export async function storedTextReordersNothing({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const { page } = await user.openBrowser();
  await addTag(page, 'selectedTags', `${OVERRIDE}garden`);
  const toast = page.getByTestId('toast-undo').filter({ hasText: 'added' });
  await toast.waitFor();
  await expectOrder(toast, 'added', 'Tags');
  for (const tag of ['first', 'second']) await addTag(page, 'selectedTags', tag);
  await page.getByTestId('preset-name').fill(`${OVERRIDE}Weekend`);
  await page.getByTestId('preset-save').click();
  const preset = page.getByTestId('preset');
  await preset.waitFor();
  await expectOrder(preset, 'Weekend', 'garden');
  await expectOrder(preset, 'first', 'second');
}
