/**
 * Installs Chromium's headless shell for the browser checks, where it is missing: `npm run install-browser`. On Debian as
 * root it uses apt-get. Elsewhere, install Chromium yourself and set `CHROMIUM` to its path.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The headless shell is the same engine without a window system, and starts in half the time. */
const SHELL = '/usr/bin/chromium-headless-shell';
const CHROMIUM = '/usr/bin/chromium';

if (!isPresent(process.env.CHROMIUM, SHELL)) {
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    aptGet('update', '-qq');
    aptGet('install', '-y', '-qq', '--no-install-recommends', 'chromium-headless-shell');
  }
  if (!isPresent(SHELL, CHROMIUM)) {
    console.error('The browser checks need Chromium. Install it, or set CHROMIUM to the path of its executable.');
    process.exit(1);
  }
}

function isPresent(...paths) {
  return paths.some((path) => path !== undefined && existsSync(path));
}

/** Errors are not checked here: the browser may be installed already, or another one may be. */
function aptGet(...args) {
  spawnSync('apt-get', args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
