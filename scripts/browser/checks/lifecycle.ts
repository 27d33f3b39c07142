/** The data in a browser: no other user sees it, and the app survives what the browser does to it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { startSeverableProxy } from '../../e2e/testing/severable-proxy.ts';
import {
  addTag,
  choose,
  databaseNames,
  eventually,
  expect,
  openTab,
  toggle,
  waitForState,
  waitForValue,
  type Harness,
} from '../testing/harness.ts';

const SECRET = 'only-of-the-first';

/** Returns the places in this browser that contain the text, of all where a page can store data. */
async function findText(page: Page, text: string): Promise<readonly string[]> {
  const cookies = JSON.stringify(await page.context().cookies());
  const places = await page.evaluate(async (expected) => {
    const found = new Map<string, string>([
      ['the page', document.documentElement.outerHTML],
      ['localStorage', JSON.stringify(localStorage)],
      ['sessionStorage', JSON.stringify(sessionStorage)],
    ]);
    for (const field of document.querySelectorAll('input')) found.set(`field ${field.name}`, field.value);
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        found.set(`cached ${request.url}`, (await (await cache.match(request))?.text()) ?? '');
      }
    }
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open(name);
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(new Error(`${name} cannot be opened.`));
      });
      for (const store of database.objectStoreNames) {
        const all = database.transaction(store).objectStore(store).getAll();
        await new Promise((resolve) => (all.onsuccess = resolve));
        found.set(`${name}, ${store}`, JSON.stringify(all.result));
      }
      database.close();
      found.set(`the name ${name}`, name);
    }
    return [...found].filter(([, content]) => content.includes(expected)).map(([place]) => place);
  }, text);
  return cookies.includes(text) ? [...places, 'cookies'] : places;
}

async function expectTextsAbsent(page: Page, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const places = await findText(page, text);
    expect(places.length === 0, `${text} is in ${places.join(', ')}`);
  }
}

/** Neither the sign-in page nor a second user has any data of the first one, online or offline. */
export async function nextUserFindsNothing({ createUser, server }: Harness): Promise<void> {
  const [alice, bob] = [await createUser('alice-was-here'), await createUser()];
  const { page, context } = await alice.openBrowser();
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await addTag(page, 'selectedTags', SECRET);
  await waitForState(page, 'live', 0);
  expect((await findText(page, SECRET)).length > 0, 'the secret is not stored in the first place');
  await page.getByTestId('sign-out').click();
  await page.getByTestId('credentials-form').waitFor();
  await context.setOffline(true);
  await page.reload();
  await page.getByTestId('credentials-form').waitFor();
  await expectTextsAbsent(page, [SECRET, alice.username]);
  await context.setOffline(false);
  await page.reload();
  await bob.signIn(page);
  await waitForValue(page, 'selectedTags', []);
  await expectTextsAbsent(page, [SECRET, alice.username]);
  await context.setOffline(true);
  const tab = await openTab(context, server.url);
  await waitForValue(tab.page, 'selectedTags', []);
  await expectTextsAbsent(tab.page, [SECRET, alice.username]);
}

/** The page crashes right after the click on Sign out. The next page shows no data and removes what was left. */
export async function signOutInterruptedByCrash({ createUser, server }: Harness): Promise<void> {
  const [alice, bob] = [await createUser('alice-has-crashed'), await createUser()];
  const { page, context } = await alice.openBrowser();
  await addTag(page, 'selectedTags', SECRET);
  await waitForState(page, 'live', 0);
  const session = await context.newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  await page.getByTestId('sign-out').evaluate((button) => (button as HTMLButtonElement).click());
  session.send('Page.crash').catch(() => undefined);
  await crashed;
  await expectSignedOutAndErased(context, server.url, alice.username);
  const { page: next } = await openTab(context, server.url);
  await bob.signIn(next);
  await waitForValue(next, 'selectedTags', []);
  await expectTextsAbsent(next, [SECRET, alice.username]);
}

/** The browser closes during a sign-out, with a hanging server and an unsent edit, and starts again offline. */
export async function signOutInterruptedByClosing({ createUser, server, startBrowser }: Harness): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pouchgate-profile-'));
  const proxy = await startSeverableProxy(server.url);
  try {
    const alice = await createUser('alice-has-closed');
    const before = await startBrowser(folder);
    const { page } = await openTab(before, proxy.url);
    await alice.signIn(page);
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    await addTag(page, 'selectedTags', SECRET);
    await waitForState(page, 'live', 0);
    proxy.stall();
    await toggle(page, 'dailyBriefing');
    await page.getByTestId('sign-out').click();
    await page.getByTestId('sign-out').filter({ hasText: 'Signing out' }).waitFor();
    await before.close();
    const after = await startBrowser(folder);
    await after.setOffline(true);
    await expectSignedOutAndErased(after, proxy.url, alice.username);
    await after.close();
  } finally {
    await proxy.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A new page shows the sign-in form, and soon no data is left. */
async function expectSignedOutAndErased(context: BrowserContext, url: string, username: string): Promise<void> {
  const { page } = await openTab(context, url);
  await page.getByTestId('credentials-form').waitFor();
  expect(!(await page.content()).includes(SECRET), 'the page shows the secret');
  let names: readonly string[] = [];
  await eventually(
    async () => (names = await databaseNames(page)).length === 0,
    () => `databases left: ${names.join(', ')}`,
  );
  await expectTextsAbsent(page, [SECRET, username]);
  await page.close();
}

/** The browser evicts the database under an open page. */
export async function evictedDatabase({ createUser, server }: Harness): Promise<void> {
  const user = await createUser();
  const [firstTab, other] = [await user.openBrowser(), await user.openBrowser()];
  const tab = await openTab(firstTab.context, server.url);
  await waitForState(tab.page, 'live');
  await choose(firstTab.page, 'theme', 'dark');
  await waitForState(firstTab.page, 'live', 0);
  const session = await firstTab.context.newCDPSession(firstTab.page);
  const evict = (): Promise<unknown> =>
    session.send('Storage.clearDataForOrigin', { origin: server.url, storageTypes: 'indexeddb' });
  // After the first eviction the page receives a change; after the second one it makes one.
  await evict();
  await choose(other.page, 'selectedTimeRange', 'week');
  for (const { page } of [firstTab, tab]) await waitForValue(page, 'selectedTimeRange', 'week');
  await evict();
  await choose(firstTab.page, 'viewMode', 'table');
  await waitForValue(other.page, 'viewMode', 'table');
  await toggle(tab.page, 'dailyRecap');
  for (const { page } of [firstTab, tab, other]) {
    await waitForValue(page, 'theme', 'dark');
    await waitForValue(page, 'viewMode', 'table');
    await waitForValue(page, 'selectedTimeRange', 'week');
    await waitForValue(page, 'dailyRecap', true);
    await waitForState(page, 'live', 0);
  }
}

/**
 * Simulates a browser that evicts a database during a read: it aborts the transaction. PouchDB does not listen for `abort`
 * when it reads, so it would wait forever.
 */
const abortReads = (context: BrowserContext): Promise<unknown> =>
  context.addInitScript(() => {
    const get = Reflect.get(IDBObjectStore.prototype, 'get') as (...keys: unknown[]) => IDBRequest;
    IDBObjectStore.prototype.get = function (...keys: unknown[]) {
      const request = get.apply(this, keys);
      if (Reflect.get(globalThis, 'abortsNextRead') === true) {
        Reflect.set(globalThis, 'abortsNextRead', false);
        const { transaction } = this;
        queueMicrotask(() => transaction.abort());
      }
      return request;
    };
  });

/** The edit that needed the aborted read is stored, and so is the next one. */
export async function abortedRead({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const firstTab = await user.openBrowser({ setUp: abortReads });
  const other = await user.openBrowser();
  await waitForState(firstTab.page, 'live', 0);
  await firstTab.page.evaluate(() => Reflect.set(globalThis, 'abortsNextRead', true));
  await choose(firstTab.page, 'theme', 'dark');
  await waitForValue(other.page, 'theme', 'dark');
  await choose(firstTab.page, 'viewMode', 'table');
  await waitForValue(other.page, 'viewMode', 'table');
  await waitForState(firstTab.page, 'live', 0);
}

/**
 * Simulates a full disk: while `isFull` is set, writes are aborted with the error that a browser gives then. Chromium
 * accepts Storage.overrideQuotaForOrigin and reports it as active, but still writes (seen in version 156).
 */
const simulateFullQuota = (context: BrowserContext): Promise<unknown> =>
  context.addInitScript(() => {
    const put = Reflect.get(IDBObjectStore.prototype, 'put') as (...values: unknown[]) => IDBRequest;
    IDBObjectStore.prototype.put = function (...values: unknown[]) {
      const request = put.apply(this, values);
      if (Reflect.get(globalThis, 'isFull') === true) {
        const { transaction } = this;
        const error = new DOMException('The quota has been exceeded.', 'QuotaExceededError');
        Reflect.defineProperty(transaction, 'error', { value: error });
        request.addEventListener('error', (event) => event.preventDefault());
        queueMicrotask(() => transaction.abort());
      }
      return request as IDBRequest<IDBValidKey>;
    };
  });

/** An edit that exceeds the quota is sent from memory, and the page shows that nothing is kept, until there is space again. */
export async function fullQuota({ createUser, server }: Harness): Promise<string> {
  const user = await createUser();
  const [firstTab, other] = [await user.openBrowser({ setUp: simulateFullQuota }), await user.openBrowser()];
  const { page } = firstTab;
  const tab = await openTab(firstTab.context, server.url);
  await waitForState(tab.page, 'live');
  const setFull = (isFull: boolean): Promise<unknown> =>
    page.evaluate((value) => Reflect.set(globalThis, 'isFull', value), isFull);
  await setFull(true);
  await page.getByTestId('choice-viewMode-table').click();
  const notice = page.getByTestId('notice-reason').filter({ hasText: /nothing is kept/ });
  await notice.waitFor();
  const message = await notice.innerText();
  await waitForValue(page, 'viewMode', 'table');
  await waitForValue(other.page, 'viewMode', 'table');
  await setFull(false);
  await notice.waitFor({ state: 'detached' });
  await choose(page, 'viewMode', 'graph');
  await waitForValue(other.page, 'viewMode', 'graph');
  await choose(other.page, 'theme', 'dark');
  for (const each of [page, tab.page]) {
    await waitForValue(each, 'theme', 'dark');
    await waitForValue(each, 'viewMode', 'graph');
    await waitForState(each, 'live', 0);
  }
  return message.replaceAll('\n', ' ');
}

/** Without a database the page works from memory, and says that nothing is kept. */
export async function databaseUnavailable({ createUser, browser, server }: Harness): Promise<string> {
  const user = await createUser();
  await user.openBrowser();
  const context = await browser.newContext();
  await context.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('The operation is insecure.', 'SecurityError');
    };
  });
  const { page } = await openTab(context, server.url);
  await page.getByTestId('username').fill(user.username);
  await page.getByTestId('password').fill('a password for tests');
  await page.getByTestId('submit').click();
  const notice = page.locator('main [role="alert"]').filter({ hasText: /\w+ \w+.*\./ });
  await notice.first().waitFor();
  await waitForState(page, 'live');
  await choose(page, 'theme', 'dark');
  await waitForState(page, 'live', 0);
  return (await notice.first().innerText()).replaceAll('\n', ' ');
}
