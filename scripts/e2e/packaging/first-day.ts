/** Runs the commands of docs/recipes/first-day in an empty folder, and uses its page in two browsers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium, type Browser, type Page } from 'playwright-core';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { CHROMIUM_FLAGS, requireChromium } from '../../browser/testing/chromium.ts';
import { NpmProject, RegistryUnreachableError, NETWORK_ERROR } from './npm-project.ts';
import { ROOT, type PackedPackages } from './pack.ts';

const RECIPE = join(ROOT, 'docs/recipes/first-day');

/**
 * Installs the recipe with the packed packages, checks its types, starts it, and uses its page in two browsers.
 *
 * @param packages - The packed packages, which replace those of the registry.
 * @param folder - An empty folder.
 * @returns The seconds from the start of the installation until a change was live in the second browser.
 */
export async function checkFirstDay({ server, client }: PackedPackages, folder: string): Promise<string> {
  const startedAt = performance.now();
  const project = new NpmProject(folder);
  const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(readFileSync(join(RECIPE, 'README.md'), 'utf8')) ?? [];
  const install = commands.replace('pouchgate @pouchgate/client', `${server.tarball} ${client.tarball}`);
  if (install === commands) throw new Error('The recipe does not install the packages.');
  await project.run('sh', ['-euc', install]).catch((error: unknown) => {
    throw NETWORK_ERROR.test(String(error)) ? new RegistryUnreachableError(String(error)) : error;
  });
  cpSync(RECIPE, folder, { recursive: true });
  await project.run('npx', ['tsc']);

  const { url, stop } = await startRecipe(folder);
  const browser = await chromium.launch({ executablePath: requireChromium(), args: CHROMIUM_FLAGS });
  try {
    await usePage(browser, url);
  } finally {
    await browser.close();
    await stop();
  }
  return `${((performance.now() - startedAt) / 1_000).toFixed(0)} s from the empty folder`;
}

/** Starts the server as `npm start` does. `stop` rejects if it does not exit with 0. */
async function startRecipe(cwd: string): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const child = spawn('node', ['--import', 'tsx', 'server.ts'], {
    cwd,
    env: { PATH: process.env['PATH'], PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let url = '';
  for await (const line of createInterface({ input: child.stdout })) {
    [, url = ''] = /^Open (\S+)$/.exec(line) ?? [];
    if (url !== '') break;
  }
  child.stdout.resume();
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      if (code !== 0) throw new Error(`The recipe's server exited with ${code ?? 'a signal'}.`);
    },
  };
}

async function usePage(browser: Browser, url: string): Promise<void> {
  const [first, second] = [await signIn(browser, url), await signIn(browser, url)];
  await first.selectOption('#theme', 'dark');
  await second.waitForFunction(() => document.querySelector<HTMLSelectElement>('#theme')?.value === 'dark');
  // A page that is reloaded is signed in, and live again with a new token.
  await second.reload();
  await waitUntilLive(second);
  // Signing out in one browser leaves the other one's session.
  await first.click('#sign-out');
  await first.locator('#sign-in').waitFor();
  await second.selectOption('#theme', 'light');
  await waitUntilLive(second);
}

/** Opens the page in a new browser profile and signs in. */
async function signIn(browser: Browser, url: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(MAX_WAIT_MS);
  await page.goto(url);
  await page.fill('[name=username]', 'alice');
  await page.fill('[name=password]', 'wonderland');
  await page.click('#sign-in button');
  await waitUntilLive(page);
  return page;
}

const waitUntilLive = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => document.querySelector('#status')?.textContent === 'live');
