/** What the browser checks share: the server, a browser, people with their pages, and how to wait for what they see. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { startTestServer, type TestServer } from '../client-test-kit.ts';

/** The built page. Another folder can be named, so that a build of one's own need not replace everybody's. */
export const PAGE = process.env['PAGE'] ?? join(import.meta.dirname, '../../dist/client');
const PASSWORD = 'a password for tests';

/** Nothing of the browser's own may speak to the network: the checks are about this machine alone. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const CHROMIUMS = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export interface Kit {
  readonly server: TestServer;
  readonly browser: Browser;
  /** A new person; their first browser makes the account. */
  readonly newUser: (name?: string) => Promise<Person>;
  readonly close: () => Promise<void>;
}

export interface Person {
  readonly username: string;
  /** A browser of their own, signed in through the page. */
  readonly openBrowser: (options?: BrowserOptions) => Promise<Seat>;
}

export interface BrowserOptions {
  readonly colorScheme?: 'light' | 'dark';
  readonly userAgent?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
}

/** A person in front of one browser. */
export interface Seat {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page's console said that was an error, and what no handler caught. */
  readonly errors: string[];
}

export async function startKit(): Promise<Kit> {
  if (!existsSync(join(PAGE, 'index.html'))) throw new Error('The page is not built yet: npm run build');
  const executablePath = CHROMIUMS.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error('No Chromium found: set CHROMIUM to one.');
  const server = await startTestServer({ page: PAGE });
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  let users = 0;

  const openBrowser = async (username: string, isNew: boolean, options: BrowserOptions = {}): Promise<Seat> => {
    const context = await browser.newContext({
      ...options,
      viewport: options.viewport ?? { width: 1280, height: 900 },
    });
    context.setDefaultTimeout(15_000);
    const seat = await openTab(context, server.url);
    const { page } = seat;
    if (isNew) await page.getByTestId('choose-register').click();
    await page.getByTestId('username').fill(username);
    await page.getByTestId('password').fill(PASSWORD);
    await page.getByTestId('submit').click();
    await waitForState(page, 'live');
    return seat;
  };

  return {
    server,
    browser,
    newUser: (name) => {
      users += 1;
      const username = name ?? `person${users}`;
      let isNew = true;
      return Promise.resolve({
        username,
        openBrowser: (options) => {
          const first = isNew;
          isNew = false;
          return openBrowser(username, first, options);
        },
      });
    },
    close: async () => {
      await browser.close();
      await server.stop();
    },
  };
}

/** A tab in a browser that is there already. */
export async function openTab(context: BrowserContext, url: string): Promise<Seat> {
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

export const choose = (page: Page, name: string, value: string): Promise<void> =>
  page.getByTestId(`choice-${name}-${value}`).check();

export const toggle = (page: Page, name: string): Promise<void> => page.getByTestId(`switch-${name}`).click();

export async function addWord(page: Page, name: string, word: string): Promise<void> {
  const field = page.getByTestId(`words-${name}`);
  await field.fill(word);
  await field.press('Enter');
}

/** The databases that this page's origin has in the browser. */
export const databaseNames = (page: Page): Promise<readonly string[]> =>
  page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name ?? ''));

export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
