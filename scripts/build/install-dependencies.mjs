/**
 * Installs the npm packages on a fresh checkout, for `npm start` and `npm test`. Does nothing when they are installed. Plain
 * JavaScript without packages, because it runs before there are any.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  exitWithError(`Pouchgate needs Node.js 20.19 or newer. This is ${process.version}.`);
}

// Not `npm ci`, which fails when a registry lacks the newest build of an optional package for another platform. With
// --no-save, `npm install` uses the versions of the lock file as well, and does not change that file.
if (!isInstalled()) {
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // Standard output stays free for the command that follows.
  const { status, error } = spawnSync('npm', args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) exitWithError(`npm ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`);
}

/** npm writes its own lock file into node_modules last, so a newer one means that an installation was completed. */
function isInstalled() {
  const lockFile = 'node_modules/.package-lock.json';
  return existsSync(lockFile) && statSync(lockFile).mtimeMs >= statSync('package-lock.json').mtimeMs;
}

function exitWithError(message) {
  console.error(message);
  process.exit(1);
}
