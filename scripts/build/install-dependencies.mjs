/**
 * Brings a fresh machine to where `npm start` and `npm test` can run: the packages, and with `--chromium` a browser for
 * the browser tests. Plain JavaScript without packages, since it runs before there are any. Does nothing the second time.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19))
  stop(`Pouchgate needs Node.js 20.19 or newer; this is ${process.version}.`);

// Not `npm ci`: a registry that lacks the newest build of a package for some other platform would make it give up. Without
// saving, `npm install` takes the versions of the lock file all the same, and leaves that file as it is.
if (!installed())
  run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);

// The headless shell is the same Chromium without a window's weight, and takes half the time.
if (process.argv.includes('--chromium') && !has(process.env.CHROMIUM, '/usr/bin/chromium-headless-shell')) {
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    start('apt-get', ['update', '-qq']);
    start('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium-headless-shell']);
  }
  if (!has('/usr/bin/chromium-headless-shell', '/usr/bin/chromium')) {
    stop('The browser tests need Chromium: install it, or name its program in CHROMIUM, and run the tests again.');
  }
}

/** npm writes its own lock file into node_modules last, so it is there and newer only after a whole install. */
function installed() {
  const done = 'node_modules/.package-lock.json';
  return existsSync(done) && statSync(done).mtimeMs >= statSync('package-lock.json').mtimeMs;
}

function has(...paths) {
  return paths.some((path) => path !== undefined && existsSync(path));
}

function start(command, args) {
  return spawnSync(command, args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

function run(command, args) {
  const { status, error } = start(command, args);
  if (status !== 0)
    stop(`"${command} ${args.join(' ')}" did not succeed${error === undefined ? '' : ` (${error.message})`}.`);
}

function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}
