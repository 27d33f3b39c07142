/** A new version of the page: offered, not forced; and the page starts without a network on every URL. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { startTestServer, type TestServer } from '../../e2e/testing/test-server.ts';
import { expect, openTab, PAGE_DIRECTORY, type Harness } from '../testing/harness.ts';

const PATHS = ['/', '/devices', '/inspector', '/two-devices'];

/**
 * What the next build would leave: its script says that it is the next one, and so has another name, and with it the
 * document and the service worker's list are others. Nothing of the old script stays.
 */
function deployNextBuild(folder: string): void {
  const assets = join(folder, 'assets');
  const name = readdirSync(assets).find((file) => file.endsWith('.js'));
  if (name === undefined) throw new Error('The page has no script.');
  const edit = (file: string, change: (text: string) => string): void =>
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  renameSync(join(assets, name), join(assets, 'page-next.js'));
  edit(join(assets, 'page-next.js'), (code) => `${code}\ndocument.documentElement.dataset.build = 'next';\n`);
  edit(join(folder, 'index.html'), (text) => text.replaceAll(name, 'page-next.js'));
  edit(join(folder, 'service-worker.js'), (text) =>
    text.replaceAll(name, 'page-next.js').replace(/[0-9a-f]{16}/, '0123456789abcdef'),
  );
}

const waitForServiceWorker = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
const cacheKeys = (page: Page): Promise<readonly string[]> =>
  page.evaluate(async () => {
    const names = await caches.keys();
    const all = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return all.flat().map(({ url }) => new URL(url).pathname);
  });

async function openTabs(context: BrowserContext, { url, accountName }: TestServer): Promise<readonly [Page, Page]> {
  const { page } = await openTab(context, url);
  await page.getByTestId('choose-register').click();
  await page.getByTestId('username').fill(accountName('alice'));
  await page.getByTestId('password').fill('a password for tests');
  await page.getByTestId('submit').click();
  await page.locator('[data-testid="status"][data-state="live"]').waitFor();
  await waitForServiceWorker(page);
  const { page: other } = await openTab(context, `${url}/devices`);
  await other.getByTestId('device').first().waitFor();
  return [page, other];
}

export async function newVersionIsOffered({ browser }: Harness): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'page-'));
  cpSync(PAGE_DIRECTORY, folder, { recursive: true });
  const server = await startTestServer({ page: folder });
  try {
    const context = await browser.newContext();
    context.setDefaultTimeout(30_000);
    const tabs = await openTabs(context, server);
    const [page, other] = tabs;
    deployNextBuild(folder);
    await page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update());
    for (const tab of tabs) await tab.getByTestId('update-offer').waitFor();

    // Not taken: a reload is the old version still, though the server has none of its files any more.
    await other.reload();
    await other.getByTestId('device').first().waitFor();
    await other.getByTestId('update-offer').waitFor();
    const isOld = (tab: Page): Promise<boolean> =>
      tab.evaluate(() => document.documentElement.dataset['build'] === undefined);
    expect(
      (await isOld(page)) && (await isOld(other)),
      'the new version was put in place without having been asked for',
    );

    const loads = new Map(tabs.map((tab) => [tab, 0]));
    for (const tab of tabs) tab.on('load', () => loads.set(tab, (loads.get(tab) ?? 0) + 1));
    await page.getByTestId('update-accept').click();
    for (const tab of tabs) {
      await tab.locator('html[data-build="next"]').waitFor();
      await waitForServiceWorker(tab);
      expect((await tab.getByTestId('update-offer').count()) === 0, 'what has been taken is offered again');
    }
    await page.locator('[data-testid="status"][data-state="live"]').waitFor();
    await other.getByTestId('device').first().waitFor();
    expect(
      [...loads.values()].every((count) => count === 1),
      `loads: ${[...loads.values()].join(' and ')}`,
    );
    const versions = await page.evaluate(() => caches.keys());
    expect(versions.length === 1, `versions kept: ${versions.join(', ')}`);
    await expectEveryPageStartsOffline(context, server.url, page);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

/** Without a network every URL of the app starts; and nothing but the page's own files is in a cache. */
async function expectEveryPageStartsOffline(context: BrowserContext, url: string, page: Page): Promise<void> {
  await context.setOffline(true);
  for (const path of PATHS) {
    await page.goto(url + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByTestId('current-user').filter({ hasText: 'alice' }).waitFor();
  }
  await context.setOffline(false);
  const keys = await cacheKeys(page);
  expect(keys.length > 5, 'there is nothing in the cache');
  const foreign = keys.filter((path) => path.startsWith('/api') || path.startsWith('/sync'));
  expect(foreign.length === 0, `in a cache: ${foreign.join(', ')}`);
}

/** What a browser asks of a page before it offers to install it. */
export async function canBeInstalled({ createUser }: Harness): Promise<void> {
  const person = await createUser();
  const { page, context } = await person.openBrowser();
  await waitForServiceWorker(page);
  const session = await context.newCDPSession(page);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  // A context of these checks is a private window, where nothing can be installed.
  const errors = installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito');
  expect(errors.length === 0, `it cannot be installed: ${errors.join(', ')}`);
  const { errors: faults, url } = await session.send('Page.getAppManifest');
  expect(url.endsWith('/manifest.webmanifest') && faults.length === 0, 'the manifest has faults');
}
