/** Installs programs of the tests from Debian's packages. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
const isMissing = (program) => !FOLDERS.some((folder) => existsSync(join(folder, program)));

/**
 * Installs the programs that are missing, on Debian as root, without systemd (as in a container). Elsewhere that could start them as
 * services, so it installs nothing.
 *
 * @param {Readonly<Record<string, string>>} packages The name of each program, and of the package that contains it.
 * @returns {string[]} The programs that are still missing.
 */
export function installPrograms(packages) {
  const missing = Object.keys(packages).filter(isMissing);
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get') || existsSync('/run/systemd/system')) return missing;
  aptGet('update', '-qq');
  aptGet('install', '-y', '-qq', '--no-install-recommends', ...missing.map((program) => packages[program]));
  return missing.filter(isMissing);
}

/** Errors are not checked here: what is missing afterwards is reported. */
function aptGet(...args) {
  spawnSync('apt-get', args, {
    stdio: ['ignore', 2, 2],
    // With this runlevel Debian's packages start no service.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
}
