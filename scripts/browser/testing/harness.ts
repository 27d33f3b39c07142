/** What the browser checks share: the server, a browser, people with their pages, and how to wait for what they see. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../../../server/http/rate-limits.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';
import { startTestServer, type TestServer } from '../../e2e/testing/test-server.ts';

/** The built page. Another folder can be named, so that a build of one's own need not replace everybody's. */
export const PAGE_DIRECTORY = process.env['PAGE'] ?? join(import.meta.dirname, '../../../dist/client');
const PASSWORD = 'a password for tests';

/** All checks together make more accounts from one address than a server would take. */
const rateLimits = Object.fromEntries(
  Object.keys(DEFAULT_RATE_LIMITS).map((name) => [name, { windowMs: 60_000, limit: 10_000 }]),
) as unknown as RateLimits;

/** In ms: what takes longer has failed. */
const TIMEOUT_MS = 30_000;

/** Nothing of the browser's own may speak to the network: the checks are about this machine alone. */
const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// The shell is the same Chromium without a window's weight: half the time.
const CHROMIUM_PATHS = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

export interface Harness {
  readonly server: TestServer;
  /** What stands in for Telegram: the server has a bot. */
  readonly telegram: FakeTelegramApi;
  readonly browser: Browser;
  /** A new person; their first browser makes the account. */
  readonly createUser: (name?: string) => Promise<TestUser>;
  /** A browser whose data is in a folder: it can be closed, and started again as it was. */
  readonly startBrowser: (folder: string) => Promise<BrowserContext>;
  readonly close: () => Promise<void>;
}

export interface TestUser {
  readonly username: string;
  /** A browser of their own, signed in: through the page when it is `setUp` or at another `url`. */
  readonly openBrowser: (options?: BrowserOptions) => Promise<BrowserTab>;
  /** Signs in by the form that a page shows, and waits until it is live. */
  readonly signIn: (page: Page) => Promise<void>;
}

export interface BrowserOptions {
  readonly colorScheme?: 'light' | 'dark';
  readonly userAgent?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** What is done to the browser before its first page is opened. */
  readonly setUp?: (context: BrowserContext) => Promise<unknown>;
  /** Where the page comes from, when not straight from the server. */
  readonly url?: string;
}

/** A person in front of one browser. */
export interface BrowserTab {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page's console said that was an error, and what no handler caught. */
  readonly errors: string[];
}

export async function startHarness(): Promise<Harness> {
  if (!existsSync(join(PAGE_DIRECTORY, 'index.html'))) throw new Error('The page is not built yet: npm run build');
  const executablePath = CHROMIUM_PATHS.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error('No Chromium found: set CHROMIUM to one.');
  const telegram = await startFakeTelegramApi();
  const env = { TELEGRAM_BOT_TOKEN: telegram.token, TELEGRAM_API_ROOT: telegram.apiRoot() };
  const server = await startTestServer({ page: PAGE_DIRECTORY, rateLimits, env });
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
  let users = 0;

  const createTestUser = (username: string): TestUser => {
    let isNew = true;
    const signIn = async (page: Page): Promise<void> => {
      const first = isNew;
      isNew = false;
      if (first) await page.getByTestId('choose-register').click();
      await page.getByTestId('username').fill(username);
      await page.getByTestId('password').fill(PASSWORD);
      await page.getByTestId('submit').click();
      await waitForState(page, 'live');
    };
    /** As after a visit of before: signed in over HTTP, and the page knows who it is. */
    const signInOverHttp = async (context: BrowserContext): Promise<void> => {
      const path = isNew ? 'register' : 'sign-in';
      isNew = false;
      const data = { username, password: PASSWORD };
      const response = await context.request.post(`${server.url}/api/auth/${path}`, { data });
      expect(response.ok(), `${path} was answered with ${response.status()}`);
    };
    const openBrowser = async ({ setUp, url, ...options }: BrowserOptions = {}): Promise<BrowserTab> => {
      const viewport = options.viewport ?? { width: 1280, height: 900 };
      const usesDirectSignIn = setUp === undefined && url === undefined;
      const localStorage = [{ name: 'pouchgate:username', value: username }];
      const storageState = { cookies: [], origins: [{ origin: server.url, localStorage }] };
      const context = await browser.newContext({ ...options, viewport, ...(usesDirectSignIn ? { storageState } : {}) });
      context.setDefaultTimeout(TIMEOUT_MS);
      await setUp?.(context);
      if (usesDirectSignIn) await signInOverHttp(context);
      const tab = await openTab(context, url ?? server.url);
      if (usesDirectSignIn) await waitForState(tab.page, 'live');
      else await signIn(tab.page);
      await tab.page.locator('[data-testid="preferences"][data-ready="true"]').waitFor();
      return tab;
    };
    return { username, openBrowser, signIn };
  };

  return {
    server,
    telegram,
    browser,
    createUser: (name) => {
      users += 1;
      return Promise.resolve(createTestUser(server.accountName(name ?? `person${users}`)));
    },
    startBrowser: async (folder) => {
      const context = await chromium.launchPersistentContext(folder, { executablePath, args: CHROMIUM_FLAGS });
      context.setDefaultTimeout(TIMEOUT_MS);
      return context;
    },
    close: async () => {
      await browser.close();
      await server.close();
      await telegram.close();
    },
  };
}

/** A tab in a browser that is there already. */
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

/** Goes to another page of the app by its link, as a person does. */
export async function goTo(page: Page, name: 'Preferences' | 'Devices' | 'Inspector' | 'Two devices'): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
}

/** Waits until the status pill says so; with `unsent`, also until so many edits wait. */
export async function waitForState(page: Page, state: string, unsent?: number): Promise<void> {
  const waiting = unsent === undefined ? '' : `[data-unsent="${unsent}"]`;
  await page.locator(`[data-testid="status"][data-state="${state}"]${waiting}`).waitFor();
}

/** Waits until the page shows this value of a preference. */
export async function waitForValue(page: Page, name: string, value: unknown): Promise<void> {
  await page.locator(`[data-testid="pref-${name}"][data-value=${JSON.stringify(JSON.stringify(value))}]`).waitFor();
}

/** Asked again and again, since nothing outside of a page says when it changes. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  describeFailure: () => string,
): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
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

/** The databases that this page's origin has in the browser. */
export const databaseNames = (page: Page): Promise<readonly string[]> =>
  page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name ?? ''));

/** Waits until nothing of ours is in localStorage: that the server is still to be told of a sign-out is noted until then. */
export async function waitForEmptyStorage(page: Page, when: string): Promise<void> {
  let ours: readonly string[] = [];
  await eventually(
    async () => {
      const kept = await page.evaluate(() => Object.keys(localStorage));
      ours = kept.filter((key) => key.startsWith('pouchgate'));
      return ours.length === 0;
    },
    () => `${when}, left in localStorage: ${ours.join(', ')}`,
  );
}

export function expect(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}
