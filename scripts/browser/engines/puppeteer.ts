/** Chromium and Firefox, by Puppeteer: Firefox as distributions package it supports WebDriver BiDi without a driver. */
import { existsSync } from 'node:fs';
import puppeteer, { type Browser, type LaunchOptions, type Page } from 'puppeteer-core';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { CHROMIUM_FLAGS, findChromium } from '../testing/chromium.ts';
import type { Engine, RunningBrowser, StartBrowserOptions, Tab } from './engine.ts';
import { killGroup, launchGroup } from './process-group.ts';

const FIREFOX_PATHS = [process.env['FIREFOX'], '/usr/bin/firefox-esr', '/usr/bin/firefox'];

export const chromium: Engine = {
  name: 'chromium',
  debianPackages: 'chromium-headless-shell',
  find: findChromium,
  start: (options) => launch({ browser: 'chrome', args: [...CHROMIUM_FLAGS] }, options),
};

export const firefox: Engine = {
  name: 'firefox',
  debianPackages: 'firefox-esr',
  find: () => FIREFOX_PATHS.find((path) => path !== undefined && existsSync(path)),
  start: (options) =>
    launch(
      {
        browser: 'firefox',
        args: options.isPrivate === true ? ['-private'] : [],
        extraPrefsFirefox: options.isPrivate === true ? { 'browser.privatebrowsing.autostart': true } : {},
      },
      options,
    ),
};

async function launch(
  options: LaunchOptions,
  { executablePath, profile, isPrivate }: StartBrowserOptions,
): Promise<RunningBrowser> {
  const launched = puppeteer.launch({
    ...options,
    executablePath,
    headless: true,
    userDataDir: profile,
    timeout: MAX_WAIT_MS,
    protocolTimeout: MAX_WAIT_MS,
    defaultViewport: { width: 1280, height: 900 },
    // Puppeteer leaves some browsers running when several are open at a signal.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  const browser = await launchGroup(launched, (each) => each.process());
  // In Firefox the whole browser is private. A context of Chromium is an incognito window.
  const context = isPrivate === true && options.browser === 'chrome' ? await browser.createBrowserContext() : browser;
  return {
    version: formatVersion(await browser.version()),
    openTab: async (url) => openTab(await context.newPage(), url),
    kill: () => kill(browser),
  };
}

/** Turns e.g. `HeadlessChrome/150.0.7871.0` and `firefox/153.8.0` into a name and a version. */
const formatVersion = (version: string): string =>
  version
    .replace(/^HeadlessChrome|^Chrome/, 'Chromium')
    .replace(/^firefox/, 'Firefox')
    .replace('/', ' ');

async function openTab(page: Page, url: string): Promise<Tab> {
  page.setDefaultTimeout(MAX_WAIT_MS);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  return {
    evaluate: (expression) => page.evaluate(expression),
    reload: async () => {
      await page.reload({ waitUntil: 'domcontentloaded' });
    },
    close: () => page.close(),
    screenshot: async () => Buffer.from(await page.screenshot()),
    errors,
  };
}

/** Puppeteer makes the browser the leader of a process group. */
async function kill(browser: Browser): Promise<void> {
  const leader = browser.process();
  await browser.disconnect();
  if (leader !== null) await killGroup(leader);
}
