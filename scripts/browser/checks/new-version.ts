/** A new version of the page is offered, not forced, and the page starts offline on every URL. */
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { startTestServer, type TestServer } from '../../e2e/testing/test-server.ts';
import { expect, openTab, PAGE_DIRECTORY, type Harness } from '../testing/harness.ts';

const PATHS = ['/', '/devices', '/inspector', '/two-devices'];

/**
 * Replaces the page with a next build. Its script marks the document as the next build and has another name, so the document
 * and the list in the service worker differ. The old script is removed.
 */
function deployNextBuild(folder: string): void {
  const assets = join(folder, 'assets');
  const [, name] = /\/assets\/([^"]+\.js)"/.exec(readFileSync(join(folder, 'index.html'), 'utf8')) ?? [];
  if (name === undefined) throw new Error('The page has no script.');
  const editFile = (file: string, change: (text: string) => string): void =>
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  renameSync(join(assets, name), join(assets, 'page-next.js'));
  // The scripts that are loaded later import from it.
  for (const file of readdirSync(assets).filter((each) => each.endsWith('.js'))) {
    editFile(join(assets, file), (code) => code.replaceAll(name, 'page-next.js'));
  }
  editFile(join(assets, 'page-next.js'), (code) => `${code}\ndocument.documentElement.dataset.build = 'next';\n`);
  editFile(join(folder, 'index.html'), (text) => text.replaceAll(name, 'page-next.js'));
  editFile(join(folder, 'service-worker.js'), (text) =>
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
    context.setDefaultTimeout(MAX_WAIT_MS);
    const tabs = await openTabs(context, server);
    const [page, other] = tabs;
    deployNextBuild(folder);
    await page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update());
    for (const tab of tabs) await tab.getByTestId('update-offer').waitFor();

    // Not accepted: a reload still gives the old version, although the server no longer has its files.
    await other.reload();
    await other.getByTestId('device').first().waitFor();
    await other.getByTestId('update-offer').waitFor();
    const isOld = (tab: Page): Promise<boolean> =>
      tab.evaluate(() => document.documentElement.dataset['build'] === undefined);
    expect((await isOld(page)) && (await isOld(other)), 'the new version was activated without being accepted');

    const loads = new Map(tabs.map((tab) => [tab, 0]));
    for (const tab of tabs) tab.on('load', () => loads.set(tab, (loads.get(tab) ?? 0) + 1));
    await page.getByTestId('update-accept').click();
    for (const tab of tabs) {
      await tab.locator('html[data-build="next"]').waitFor();
      await waitForServiceWorker(tab);
      expect((await tab.getByTestId('update-offer').count()) === 0, 'an accepted version is offered again');
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

/** Every URL of the app starts offline, and the caches contain only the page's own files. */
async function expectEveryPageStartsOffline(context: BrowserContext, url: string, page: Page): Promise<void> {
  await context.setOffline(true);
  for (const path of PATHS) {
    await page.goto(url + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByTestId('current-user').filter({ hasText: 'alice' }).waitFor();
  }
  await context.setOffline(false);
  const keys = await cacheKeys(page);
  expect(keys.length > 5, 'the cache is empty');
  const foreign = keys.filter((path) => path.startsWith('/api') || path.startsWith('/sync'));
  expect(foreign.length === 0, `in a cache: ${foreign.join(', ')}`);
}

/** The page meets the browser's criteria for installation. */
export async function canBeInstalled({ createUser }: Harness): Promise<void> {
  const user = await createUser();
  const { page, context } = await user.openBrowser();
  await waitForServiceWorker(page);
  const session = await context.newCDPSession(page);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  // The checks run in private windows, where nothing can be installed.
  const errors = installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito');
  expect(errors.length === 0, `it cannot be installed: ${errors.join(', ')}`);
  const { errors: manifestErrors, url } = await session.send('Page.getAppManifest');
  expect(url.endsWith('/manifest.webmanifest') && manifestErrors.length === 0, 'the manifest has errors');
}
