/**
 * Installs the browsers of the browser checks where they are missing: `npm run install-browser`. On Debian as root it uses
 * apt-get. Elsewhere, install them yourself, and set `CHROMIUM`, `FIREFOX` and `MINIBROWSER` to their paths.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The headless shell is the same engine without a window system, and starts in half the time. */
const CHROMIUM_PATHS = [process.env.CHROMIUM, '/usr/bin/chromium-headless-shell', '/usr/bin/chromium'];

/** The MiniBrowser of WebKitGTK is part of its library. */
const MINIBROWSER_PATHS = [
  process.env.MINIBROWSER,
  ...['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((folder) => `/usr/lib/${folder}/webkit2gtk-4.1/MiniBrowser`),
];

/** Each package with the paths of which one suffices. */
const PACKAGES = [
  ['chromium-headless-shell', CHROMIUM_PATHS],
  ['firefox-esr', [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox']],
  ['libwebkit2gtk-4.1-0', MINIBROWSER_PATHS],
  ['xvfb', ['/usr/bin/Xvfb']],
];

const isPresent = (paths) => paths.some((path) => path !== undefined && existsSync(path));

const missing = PACKAGES.filter(([, paths]) => !isPresent(paths)).map(([name]) => name);
if (missing.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
  aptGet('update', '-qq');
  // One by one: a package that this release of Debian lacks does not keep out the others.
  for (const name of missing) aptGet('install', '-y', '-qq', '--no-install-recommends', name);
}
if (!isPresent(CHROMIUM_PATHS)) {
  console.error('The browser checks need Chromium. Install it, or set CHROMIUM to the path of its executable.');
  process.exit(1);
}
// The run across browsers skips Firefox and WebKit where they are missing, and counts that.

/** Errors are not checked here: the browser may be installed already, or another one may be. */
function aptGet(...args) {
  spawnSync('apt-get', args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
