/** Shared by the browser checks: the server, a browser, users with their pages, and functions that wait for page content. */
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../../../server/http/rate-limits.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';
import { startTestServer, type TestServer } from '../../e2e/testing/test-server.ts';
import { CHROMIUM_FLAGS, requireChromium } from './chromium.ts';

/** The built page. `PAGE` selects another folder, e.g. to check a build without replacing the shared one. */
export const PAGE_DIRECTORY = process.env['PAGE'] ?? join(import.meta.dirname, '../../../dist/client');
export const PASSWORD = 'a password for tests';

/** The checks together create more accounts from one address than the default limits allow. */
export const rateLimits = Object.fromEntries(
  Object.keys(DEFAULT_RATE_LIMITS).map((name) => [name, { windowMs: 60_000, limit: 10_000 }]),
) as unknown as RateLimits;

export interface Harness {
  readonly server: TestServer;
  /** A fake of the Telegram API, which the server's bot uses. */
  readonly telegram: FakeTelegramApi;
  readonly browser: Browser;
  /** Creates a user. Their first sign-in creates the account. */
  readonly createUser: (name?: string) => Promise<TestUser>;
  /** Starts a browser with its profile in a folder, so that it can be closed and started again with its data. */
  readonly startBrowser: (folder: string) => Promise<BrowserContext>;
  readonly close: () => Promise<void>;
}

export interface TestUser {
  readonly username: string;
  /** Opens a signed-in browser. With `setUp` or `url` it signs in through the page, otherwise over HTTP. */
  readonly openBrowser: (options?: BrowserOptions) => Promise<BrowserTab>;
  /** Signs in with the form on a page, and waits until the sync is live. */
  readonly signIn: (page: Page) => Promise<void>;
}

export interface BrowserOptions {
  readonly colorScheme?: 'light' | 'dark';
  readonly userAgent?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Prepares the browser before its first page opens. */
  readonly setUp?: (context: BrowserContext) => Promise<unknown>;
  /** The URL of the page, e.g. of a proxy. The server by default. */
  readonly url?: string;
}

/** A tab and the browser it belongs to. */
export interface BrowserTab {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors on the page's console and uncaught exceptions. */
  readonly errors: string[];
}

/** Starts the server, a fake of the Telegram API and Chromium. Throws if the page is not built or Chromium is missing. */
export async function startHarness(): Promise<Harness> {
  if (!existsSync(join(PAGE_DIRECTORY, 'index.html'))) throw new Error('The page is not built. Run: npm run build');
  const executablePath = requireChromium();
  const telegram = await startFakeTelegramApi();
  const env = { TELEGRAM_BOT_TOKEN: telegram.token, TELEGRAM_API_ROOT: telegram.apiRoot() };
  const server = await startTestServer({ page: PAGE_DIRECTORY, rateLimits, env });
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
  let userCount = 0;

  return {
    server,
    telegram,
    browser,
    createUser: (name) => {
      userCount += 1;
      return Promise.resolve(createTestUser(browser, server.url, server.accountName(name ?? `person${userCount}`)));
    },
    startBrowser: async (folder) => {
      const context = await chromium.launchPersistentContext(folder, { executablePath, args: CHROMIUM_FLAGS });
      context.setDefaultTimeout(MAX_WAIT_MS);
      return context;
    },
    close: async () => {
      await browser.close();
      await server.close();
      await telegram.close();
    },
  };
}

/** Returns a user of the server at `serverUrl`. The first sign-in creates the account. */
export function createTestUser(browser: Browser, serverUrl: string, username: string): TestUser {
  let isNew = true;
  const signIn = async (page: Page): Promise<void> => {
    const isRegistering = isNew;
    isNew = false;
    if (isRegistering) await page.getByTestId('choose-register').click();
    await page.getByTestId('username').fill(username);
    await page.getByTestId('password').fill(PASSWORD);
    await page.getByTestId('submit').click();
    await waitForState(page, 'live');
  };
  /** Signs in over HTTP. With the username in localStorage, the page then opens as after an earlier visit. */
  const signInOverHttp = async (context: BrowserContext): Promise<void> => {
    const path = isNew ? 'register' : 'sign-in';
    isNew = false;
    const data = { username, password: PASSWORD };
    const response = await context.request.post(`${serverUrl}/api/auth/${path}`, { data });
    expect(response.ok(), `${path} returned ${response.status()}`);
  };
  const openBrowser = async ({ setUp, url, ...options }: BrowserOptions = {}): Promise<BrowserTab> => {
    const viewport = options.viewport ?? { width: 1280, height: 900 };
    const usesDirectSignIn = setUp === undefined && url === undefined;
    const localStorage = [{ name: 'pouchgate:username', value: username }];
    const storageState = { cookies: [], origins: [{ origin: serverUrl, localStorage }] };
    const context = await browser.newContext({ ...options, viewport, ...(usesDirectSignIn ? { storageState } : {}) });
    context.setDefaultTimeout(MAX_WAIT_MS);
    await setUp?.(context);
    if (usesDirectSignIn) await signInOverHttp(context);
    const tab = await openTab(context, url ?? serverUrl);
    if (usesDirectSignIn) await waitForState(tab.page, 'live');
    else await signIn(tab.page);
    await tab.page.locator('[data-testid="preferences"][data-ready="true"]').waitFor();
    return tab;
  };
  return { username, openBrowser, signIn };
}

/** Opens a tab in an existing browser. */
export async function openTab(context: BrowserContext, url: string): Promise<BrowserTab> {
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { context, page, errors };
}

/** Clicks the link to another page of the app. */
export async function goTo(page: Page, name: 'Preferences' | 'Devices' | 'Inspector' | 'Two devices'): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
}

/** Waits until the status pill shows this state and, if given, this number of unsent edits. */
export async function waitForState(page: Page, state: string, unsent?: number): Promise<void> {
  const unsentSelector = unsent === undefined ? '' : `[data-unsent="${unsent}"]`;
  await page.locator(`[data-testid="status"][data-state="${state}"]${unsentSelector}`).waitFor();
}

/** Waits until the page shows this value of a preference. */
export async function waitForValue(page: Page, name: string, value: unknown): Promise<void> {
  await page.locator(`[data-testid="pref-${name}"][data-value=${JSON.stringify(JSON.stringify(value))}]`).waitFor();
}

/** Polls until `condition` is true, for state outside of a page that emits no event. Throws after 30 seconds. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  describeFailure: () => string,
): Promise<void> {
  const deadline = performance.now() + MAX_WAIT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(describeFailure());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const choose = (page: Page, name: string, value: string): Promise<void> =>
  page.getByTestId(`choice-${name}-${value}`).check();

export const toggle = (page: Page, name: string): Promise<void> => page.getByTestId(`switch-${name}`).click();

export async function addTag(page: Page, name: string, tag: string): Promise<void> {
  const field = page.getByTestId(`tag-input-${name}`);
  await field.fill(tag);
  await field.press('Enter');
}

/** Returns the names of the IndexedDB databases of the page's origin. */
export const databaseNames = (page: Page): Promise<readonly string[]> =>
  page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name ?? ''));

/** Waits until localStorage has none of the app's keys. The key of a pending sign-out stays until the server responds. */
export async function waitForEmptyStorage(page: Page, when: string): Promise<void> {
  let remaining: readonly string[] = [];
  await eventually(
    async () => {
      const keys = await page.evaluate(() => Object.keys(localStorage));
      remaining = keys.filter((key) => key.startsWith('pouchgate'));
      return remaining.length === 0;
    },
    () => `${when}, left in localStorage: ${remaining.join(', ')}`,
  );
}

export function expect(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}
