/** Chromium's executable and command line, for every check that starts it. */
import { existsSync } from 'node:fs';

/** Disables the browser's own network requests: the checks use this machine only. */
export const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// The headless shell is the same Chromium without windows. It takes half the time.
const CHROMIUM_PATHS = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Returns the path of Chromium's executable, or `undefined` if it is not installed. */
export const findChromium = (): string | undefined =>
  CHROMIUM_PATHS.find((path) => path !== undefined && existsSync(path));

/** Returns the path of Chromium's executable. Throws if it is not installed. */
export function requireChromium(): string {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('Chromium not found. Set CHROMIUM to its path.');
  return executablePath;
}
