/**
 * Installs what `npm test` needs on a fresh checkout and a fresh machine. npm and apt-get mostly wait for the network and the disk, so
 * they run in parallel. Plain JavaScript without packages, because it runs before there are any.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Resolves with the exit code. */
const run = (name) =>
  new Promise((resolve) => {
    const file = fileURLToPath(new URL(name, import.meta.url));
    spawn(process.execPath, [file], { stdio: 'inherit' }).once('exit', (code) => resolve(code ?? 1));
  });

/** One after the other: apt-get locks its database. */
async function installPrograms() {
  for (const name of ['install-browser.mjs', 'install-proxies.mjs', 'install-promtool.mjs']) {
    const code = await run(name);
    if (code !== 0) return code;
  }
  return 0;
}

process.exit(Math.max(...(await Promise.all([run('install-dependencies.mjs'), installPrograms()]))));
